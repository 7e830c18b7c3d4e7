import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { LineLimit } from '../../common/logging/line-limit.js';
import { ChatCompletedEvent, type CompletedChat } from '../chat/chat.messages.js';
import { TelemetryExport } from './export/telemetry-export.js';
import { KnownModels } from './known-models.js';
import { RequestMeters } from './metrics/request-meters.js';
import { Records } from './records/records.js';
import { levelOf, requestLine } from './request-line.js';
import { RequestTraces } from './traces/request-traces.js';
import { spendingOf, usageOf } from './usage/usage-row.js';
import { Usage } from './usage/usage.js';

/** A batch costs a fraction of its requests one by one, whose code and data are cold; a caller waits for neither. */
const BATCH_MS = 5;
/** A stalled event loop must not gather more. */
const MOST_WAITING = 256;

interface Ended {
  readonly chat: CompletedChat;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** With the names of models as they may be shown. */
interface ShownEnd extends Ended {
  readonly requested: string;
  readonly answered: string | null;
}

/**
 * A request ended: its log line, its metrics, its usage, its trace, its record. They are written in batches, at most 5 ms
 * after the end; whoever reads what they add up to asks for the rest first (`catchUp`), and so does the end of the process,
 * however it ends.
 */
@EventsHandler(ChatCompletedEvent)
export class RecordChatCompletedHandler implements IEventHandler<ChatCompletedEvent>, OnApplicationShutdown {
  private readonly logger = new Logger('requests');
  private readonly lines = new LineLimit('requests');
  private readonly waiting: Ended[] = [];
  private mostWaiting = MOST_WAITING;
  private readonly kinds: readonly ((one: ShownEnd) => void)[] = [
    (one) => this.log(one),
    (one) => this.count(one),
    ({ chat, at, requested, answered }) => this.traces.record(chat, at, requested, answered),
    ({ chat, at, requested, answered }) => this.records.record(chat, at, requested, answered),
  ];
  /** In front of the log's own listener, which writes out what has come until then. */
  private readonly onExit = () => this.catchUp();

  constructor(
    private readonly models: KnownModels,
    private readonly metrics: RequestMeters,
    private readonly usage: Usage,
    private readonly traces: RequestTraces,
    private readonly records: Records,
    private readonly exports: TelemetryExport,
  ) {
    process.prependListener('exit', this.onExit);
  }

  handle({ chat }: ChatCompletedEvent): void {
    const count = this.waiting.push({ chat, at: Date.now() });
    if (count >= this.mostWaiting) this.catchUp();
    else if (count === 1) setTimeout(this.onExit, BATCH_MS);
  }

  /** Every request that has ended is counted and logged when this returns. */
  catchUp(): void {
    let ended: readonly ShownEnd[] = this.waiting.splice(0).map((one) => this.shown(one));
    // one kind of record after the other, as each runs through code that is cold when its turn comes
    for (const keep of this.kinds) ended = this.kept(ended, keep);
  }

  onApplicationShutdown(): void {
    process.off('exit', this.onExit);
    this.mostWaiting = 1; // who still comes is recorded at once
    this.catchUp();
  }

  private shown({ chat, at }: Ended): ShownEnd {
    const requested = this.models.requested(chat.requestedModel);
    const answered = chat.route && this.models.answered(chat.route.model);
    return { chat, at, requested, answered };
  }

  /** @returns those that could be kept */
  private kept(ended: readonly ShownEnd[], keep: (one: ShownEnd) => void): readonly ShownEnd[] {
    let failed: Set<ShownEnd> | null = null;
    for (const one of ended) {
      try {
        keep(one);
      } catch (err) {
        (failed ??= new Set()).add(one);
        const isTold = this.lines.allows('requests that could not be recorded');
        const line = { err, request_id: one.chat.requestId };
        this.logger[isTold ? 'error' : 'debug'](line, 'a request could not be recorded');
      }
    }
    return failed === null ? ended : ended.filter((one) => !failed.has(one));
  }

  private log({ chat, at, requested, answered }: ShownEnd): void {
    const level = levelOf(chat);
    const line = requestLine(chat, requested, answered);
    this.logger[level](line, 'request');
    this.exports.emit(line, level, at, chat.trace);
  }

  private count({ chat, at, requested }: ShownEnd): void {
    const spent = spendingOf(chat);
    this.usage.writer.record(usageOf(chat, at, requested, spent));
    this.metrics.recordChat(chat, requested, spent, chat.trace?.recordedId ?? null);
  }
}
