import { DeadlineExceeded } from './app-error.js';

/** The one time limit of a request; every layer that waits draws on it. Times are `performance.now()` milliseconds. */
export class Budget {
  constructor(
    readonly startedAt: number,
    private readonly deadlineMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Milliseconds left, never negative.
   *
   * @param atLeastMs raises the limit for this question: a plain answer may take its target's `plainMs` where that is
   *   longer than the deadline (DESIGN section 3)
   */
  remainingMs(atLeastMs = 0): number {
    return Math.max(0, this.startedAt + Math.max(this.deadlineMs, atLeastMs) - this.now());
  }

  /** @throws DeadlineExceeded when nothing is left */
  assertTimeLeft(atLeastMs = 0): void {
    if (this.remainingMs(atLeastMs) === 0) {
      throw new DeadlineExceeded(`No answer within the request's deadline of ${this.deadlineMs} ms.`);
    }
  }
}
