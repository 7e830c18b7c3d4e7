import { UpstreamFailure } from '../../common/upstream-failure.js';

/** Waiting calls per slot; more are turned away at once, as they would wait longer than anybody does. */
const QUEUE_PER_SLOT = 2;

/** The slots of one target: so many calls at a time, a bounded number of others waiting in order of arrival. */
export class TargetSlots {
  inFlight = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly slots: number) {}

  get queued(): number {
    return this.waiting.length;
  }

  /**
   * Resolves when a slot is free. Every resolved call must `release()` once.
   *
   * @throws UpstreamFailure `overloaded` when the queue is full or the wait took longer than `waitMs`
   */
  async acquire(waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.inFlight < this.slots) {
      this.inFlight += 1;
      return;
    }
    if (this.waiting.length >= this.slots * QUEUE_PER_SLOT) throw new UpstreamFailure('overloaded', 'queue full');
    await this.turn(waitMs, signal);
  }

  release(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.inFlight -= 1;
  }

  private turn(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (error: Error): void => {
        this.waiting.splice(this.waiting.indexOf(enter), 1);
        settle();
        reject(error);
      };
      const onAbort = (): void => leave(signal.reason as Error);
      const timer = setTimeout(() => leave(new UpstreamFailure('overloaded', `no slot within ${waitMs} ms`)), waitMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const enter = (): void => {
        settle();
        resolve();
      };
      if (signal.aborted) {
        clearTimeout(timer);
        reject(signal.reason as Error);
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.waiting.push(enter);
    });
  }
}

const SAMPLES = 64;

/** The latest calls of one target: enough to compare targets, small enough to forget a bad minute. */
export class RecentCalls {
  private readonly firstTokens: number[] = [];
  private readonly failures: boolean[] = [];
  lastError: string | null = null;

  /** @param firstTokenMs time to first token, `null` for a call that brought none */
  succeeded(firstTokenMs: number | null): void {
    if (firstTokenMs !== null) keep(this.firstTokens, firstTokenMs);
    keep(this.failures, false);
  }

  failed(why: string): void {
    keep(this.failures, true);
    this.lastError = why;
  }

  get errorRate(): number {
    if (this.failures.length === 0) return 0;
    return this.failures.filter(Boolean).length / this.failures.length;
  }

  /** Nearest-rank percentile of the time to first token, milliseconds. */
  firstTokenPercentile(share: number): number | null {
    if (this.firstTokens.length === 0) return null;
    const sorted = [...this.firstTokens].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > SAMPLES) list.shift();
}
