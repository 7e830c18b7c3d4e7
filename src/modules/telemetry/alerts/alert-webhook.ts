import { Logger } from '@nestjs/common';
import { BackgroundWork } from '../../../common/background-work.js';
import { LineLimit } from '../../../common/logging/line-limit.js';
import type { BudgetAlert } from './budget-alert.js';
import { webhookHeaders } from './webhook-signature.js';

/** What a receiver said. */
export interface Reply {
  /** `null` = no answer in time, or none that is HTTP. */
  readonly status: number | null;
  /** What it asked to wait; 0 = it did not say. */
  readonly retryAfterMs: number;
}

/** Sends one message. Never rejects. @param url follows no redirect */
export type PostMessage = (
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  deadlineMs: number,
) => Promise<Reply>;

export interface Receiver {
  /** Empty = there is none. */
  readonly alertUrl: string;
  /** Empty = messages are not signed. */
  readonly alertSecret: string;
}

/** How a message ended; the label of a metric. */
export type Delivery = 'delivered' | 'failed' | 'dropped';

/** Before the second try, the third and so on, milliseconds; a random part of up to half is left out. */
const WAITS_MS = [1_000, 5_000, 30_000, 120_000, 600_000];
const LONGEST_WAIT_MS = 600_000;
const DEADLINE_MS = 10_000;
/** For the last try of all that wait, at the end of the process. */
const LAST_DEADLINE_MS = 3_000;
const MOST_WAITING = 100;
/** Gone: the receiver wants no more of them. */
const GONE = 410;
const SENDING = 'sending a budget alert';

interface Message {
  readonly alert: BudgetAlert;
  readonly body: string;
  /** Made so far. */
  tries: number;
}

const isTaken = ({ status }: Reply): boolean => status !== null && status >= 200 && status < 300;

/**
 * Tells `limits.alertUrl` of budgets that are nearly used up: up to six times within a quarter of an hour, until it answers 2xx. A
 * message has one id however often it is sent. Of what the receiver says only the status is told.
 */
export class AlertWebhook {
  private readonly logger = new Logger('alerts');
  private readonly lines = new LineLimit('alerts');
  private readonly background = new BackgroundWork('alerts');
  private readonly waiting = new Set<Message>();

  /** @param receiver in force at the moment it is asked */
  constructor(
    private readonly post: PostMessage,
    private readonly receiver: () => Receiver,
    private readonly ended: (delivery: Delivery) => void,
    private readonly waitsMs: readonly number[] = WAITS_MS,
  ) {}

  send(alert: BudgetAlert): void {
    if (this.receiver().alertUrl === '') return;
    if (this.waiting.size >= MOST_WAITING) return this.end('dropped', alert, 'too many alerts wait for the webhook');
    const message = { alert, body: JSON.stringify(alert), tries: 0 };
    this.waiting.add(message);
    this.background.launch(SENDING, () => this.attempt(message));
  }

  /** At the end of the process: what waits is tried once more. */
  async stop(): Promise<void> {
    await this.background.stop();
    const last = [...this.waiting].map(async (message) => {
      if (isTaken(await this.call(message, LAST_DEADLINE_MS))) return this.close(message, 'delivered');
      this.close(message, 'failed', 'the webhook for alerts did not take one before the end of this replica');
    });
    await Promise.all(last);
  }

  private async attempt(message: Message): Promise<void> {
    const reply = await this.call(message, DEADLINE_MS);
    if (!this.waiting.has(message)) return; // the end came first
    if (isTaken(reply)) return this.close(message, 'delivered');
    const wait = this.waitsMs[message.tries - 1];
    if (reply.status === GONE || wait === undefined) {
      return this.close(message, 'failed', 'the webhook for alerts did not take one', reply.status);
    }
    const jittered = wait * (1 - Math.random() / 2);
    const ms = Math.min(Math.max(jittered, reply.retryAfterMs), LONGEST_WAIT_MS);
    this.background.after(SENDING, ms, () => this.attempt(message));
  }

  private async call(message: Message, deadlineMs: number): Promise<Reply> {
    const { alert, body } = message;
    message.tries += 1;
    const { alertUrl, alertSecret } = this.receiver();
    if (alertUrl === '') return { status: GONE, retryAfterMs: 0 }; // a reload took it away
    return this.post(alertUrl, body, webhookHeaders(alert.id, body, alertSecret, Date.now()), deadlineMs);
  }

  private close(message: Message, delivery: Delivery, problem = '', status: number | null = null): void {
    this.waiting.delete(message);
    this.end(delivery, message.alert, problem, status);
  }

  private end(delivery: Delivery, { id }: BudgetAlert, problem = '', status: number | null = null): void {
    this.ended(delivery);
    if (problem !== '' && this.lines.allows('alerts that the webhook did not take')) {
      this.logger.error({ alert: id, status }, problem);
    }
  }
}
