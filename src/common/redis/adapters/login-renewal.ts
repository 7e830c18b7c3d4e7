import { Logger } from '@nestjs/common';
import { BackgroundWork, type ScheduledWork } from '../../background-work.js';

const TIMER_MAX_MS = 2_147_483_647;

export interface RenewalRules {
  /** Gets a new login and signs in with it. */
  readonly renew: () => Promise<void>;
  /** From now until the login in use has to be replaced. */
  readonly untilNextMs: () => number;
  /** Between a failure and the next try. */
  readonly retryMs: number;
}

/** Renews a login in time, again and again; a failure is told once and tried again, while the old login is used on. */
export class LoginRenewal {
  private readonly logger = new Logger('stores');
  private readonly background = new BackgroundWork('stores');
  private next: ScheduledWork | undefined;
  private dueAt = 0;
  private begunAt = performance.now();
  private running = false;
  private failing = false;
  private stopped = false;

  constructor(private readonly rules: RenewalRules) {
    this.wait(rules.untilNextMs());
  }

  /** The server refuses the login in use (it has ended early, or slept with this machine): the next one is due. */
  hurry(): void {
    const inMs = Math.max(0, this.begunAt + this.rules.retryMs - performance.now());
    if (!this.running && performance.now() + inMs < this.dueAt) this.wait(inMs);
  }

  stop(): void {
    this.stopped = true;
    this.next?.stop();
  }

  private wait(ms: number): void {
    this.next?.stop();
    if (this.stopped) return;
    this.dueAt = performance.now() + ms;
    this.next = this.background.after('the renewal of the sign-in', Math.min(ms, TIMER_MAX_MS), () => this.again());
  }

  private async again(): Promise<void> {
    const { renew, untilNextMs, retryMs } = this.rules;
    this.running = true;
    this.begunAt = performance.now();
    try {
      await renew();
      this.tell(null);
      this.wait(untilNextMs());
    } catch (error) {
      this.tell(error as Error);
      this.wait(retryMs);
    } finally {
      this.running = false;
    }
  }

  private tell(error: Error | null): void {
    if (this.stopped || this.failing === (error !== null)) return;
    this.failing = error !== null;
    if (!error) return this.logger.log('the sign-in to Redis is renewed again');
    const everyS = this.rules.retryMs / 1_000;
    const reason = error.message.split('\n')[0];
    this.logger.warn(`the sign-in to Redis cannot be renewed (${reason}); trying again every ${everyS} s`);
  }
}
