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

  /**
   * When the time is up.
   *
   * @param atLeastMs raises the limit for this question: a plain answer may take its target's `plainMs` where that is
   *   longer than the deadline (DESIGN section 3)
   */
  endsAt(atLeastMs = 0): number {
    return this.startedAt + Math.max(this.deadlineMs, atLeastMs);
  }

  /** Milliseconds left, never negative. */
  remainingMs(): number {
    return Math.max(0, this.endsAt() - performance.now());
  }

  /** The error of a request whose time is up. */
  exceeded(): DeadlineExceeded {
    return new DeadlineExceeded(`No answer within the request's deadline of ${this.deadlineMs} ms.`);
  }
}
