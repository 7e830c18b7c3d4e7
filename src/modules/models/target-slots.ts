import { UpstreamFailure } from '../../common/upstream-failure.js';

/** Waiting calls per slot; more are turned away at once, as they would wait longer than anybody does. */
const QUEUE_PER_SLOT = 2;
/** Fallback calls that a target gets at once before it has answered any; see `TargetSlots`. */
const UNPROVEN_WAVE = 32;

interface Waiting {
  readonly isFallback: boolean;
  enter(): void;
  leave(error: Error): void;
}

/**
 * The slots of one target: so many calls at a time, a bounded number of others waiting in order of arrival. Calls that
 * fall back from a failing target do not get all slots at once: where one server fails everybody, the next may too,
 * and the wave would hit it before it could say so. Their limit grows by one with every answer, that is, it doubles
 * with every round of answers, as TCP's slow start does (RFC 5681 section 3.1).
 */
export class TargetSlots {
  inFlight = 0;
  private wave: number;
  private readonly waiting: Waiting[] = [];

  /** @param most calls in flight */
  constructor(readonly most: number) {
    this.wave = Math.min(most, UNPROVEN_WAVE);
  }

  get queued(): number {
    return this.waiting.length;
  }

  /**
   * Takes a slot, which must be released once.
   *
   * @param isFallback whether another target failed this request before
   * @returns what the call has to wait for; `undefined` where a slot is free at once. Rejects with UpstreamFailure
   *   `overloaded` when the queue is full or the wait took longer than `waitMs`, and with the signal's reason
   */
  acquire(isFallback: boolean, waitMs: number, signal: AbortSignal): Promise<void> | undefined {
    if (this.inFlight >= this.limit(isFallback)) return this.waitInLine(isFallback, waitMs, signal);
    this.inFlight += 1;
    return undefined;
  }

  release(): void {
    this.inFlight -= 1;
    this.admit();
  }

  private async waitInLine(isFallback: boolean, waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.waiting.length >= this.most * QUEUE_PER_SLOT) throw new UpstreamFailure('overloaded', 'queue full');
    signal.throwIfAborted();
    const { promise, resolve: enter, reject } = Promise.withResolvers<void>();
    const leave = (error: Error): void => {
      const at = this.waiting.indexOf(entry);
      if (at >= 0) this.waiting.splice(at, 1);
      reject(error);
    };
    const entry: Waiting = { isFallback, enter, leave };
    this.waiting.push(entry);
    const onAbort = (): void => leave(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => leave(new UpstreamFailure('overloaded', `no slot within ${waitMs} ms`)), waitMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** A call began to be answered. */
  answered(): void {
    if (this.wave >= this.most) return;
    this.wave += 1;
    this.admit();
  }

  /** The target fails: those who wait for it are sent on to others, and it has to prove itself again. */
  suspend(): void {
    this.wave = Math.min(this.most, UNPROVEN_WAVE);
    const error = new UpstreamFailure('overloaded', 'the target was taken out of use while the call waited');
    for (const waiting of [...this.waiting]) waiting.leave(error);
  }

  private limit(isFallback: boolean): number {
    return isFallback ? this.wave : this.most;
  }

  private admit(): void {
    for (;;) {
      const at = this.waiting.findIndex(({ isFallback }) => this.inFlight < this.limit(isFallback));
      if (at < 0) return;
      const [next] = this.waiting.splice(at, 1);
      this.inFlight += 1;
      next?.enter();
    }
  }
}
