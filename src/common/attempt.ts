/** How one call of one target ended. A closed set: it is a metric label. */
export const ATTEMPT_OUTCOMES = [
  'ok',
  'timeout',
  'unreachable',
  'cut',
  'server_error',
  'rate_limited',
  'auth',
  'not_found',
  'bad_request',
  'context_length',
  'content_filter',
  'bad_answer',
  'overloaded',
  'loading',
  'aborted',
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** One call of one target, as callers see it in `metadata.attempts`. */
export interface Attempt {
  readonly target: string;
  /** `performance.now()` milliseconds; for traces, not shown. */
  readonly startedAt: number;
  outcome: AttemptOutcome;
  /** HTTP status of the model server, when it sent one. */
  status?: number;
  /** Until the answer began (stream) or was complete (plain). */
  ms: number;
}

/** The calls of one request in the order they were begun. */
export class AttemptLog {
  private readonly begun: Attempt[] = [];

  get all(): readonly Attempt[] {
    return this.begun;
  }

  /** A call begins now; it counts as good until it says otherwise. */
  begin(target: string): Attempt {
    const attempt: Attempt = { target, startedAt: performance.now(), outcome: 'ok', ms: 0 };
    this.begun.push(attempt);
    return attempt;
  }

  /** Closes the book on the latest call of a target, whatever is still to come of it. */
  close(target: string, outcome: AttemptOutcome): boolean {
    const at = this.begun.findLastIndex((attempt) => attempt.target === target);
    const open = this.begun[at];
    if (!open) return false;
    this.begun[at] = { ...open, outcome, ms: performance.now() - open.startedAt };
    return true;
  }
}
