import { DeadlineExceeded } from './app-error.js';

/**
 * What one request may spend: the time until its answer begins, and retries. There is one for the whole request; every
 * layer draws on it. Times are `performance.now()` milliseconds.
 */
export class Budget {
  /** @param retriesLeft how often a target may be asked again, over all targets */
  constructor(
    readonly startedAt: number,
    private readonly deadlineMs: number,
    private retriesLeft = 0,
  ) {}

  get hasRetry(): boolean {
    return this.retriesLeft > 0;
  }

  takeRetry(): void {
    this.retriesLeft = Math.max(0, this.retriesLeft - 1);
  }

  /** Half of all there was: a target that got so much and was silent is to blame for it, milliseconds. */
  get fairMs(): number {
    return this.deadlineMs / 2;
  }

  /**
   * Milliseconds left, never negative.
   *
   * @param atLeastMs raises the limit for this question: a plain answer may take its target's `plainMs` where that is
   *   longer than the deadline (DESIGN section 3)
   */
  remainingMs(atLeastMs = 0): number {
    return Math.max(0, this.startedAt + Math.max(this.deadlineMs, atLeastMs) - performance.now());
  }

  /** @throws DeadlineExceeded when nothing is left */
  assertTimeLeft(atLeastMs = 0): void {
    if (this.remainingMs(atLeastMs) === 0) {
      throw new DeadlineExceeded(`No answer within the request's deadline of ${this.deadlineMs} ms.`);
    }
  }
}
