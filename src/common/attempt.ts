/** What can help after a failed call. */
export type Remedy =
  /** The same target may do it the next time. */
  | 'retry'
  /** This target will not; another one may. */
  | 'other_target'
  /** Only a target with a larger context window may. */
  | 'larger_window'
  /** Nothing: the request itself is refused. */
  | 'none';

/** How one call of one target can end, and what can help then. A closed set: it is a metric label. */
export const REMEDY = {
  ok: 'none',
  timeout: 'other_target',
  unreachable: 'retry',
  cut: 'retry',
  server_error: 'retry',
  rate_limited: 'retry',
  auth: 'other_target',
  not_found: 'other_target',
  bad_request: 'none',
  context_length: 'larger_window',
  content_filter: 'none',
  bad_answer: 'retry',
  overloaded: 'other_target',
  loading: 'retry',
  aborted: 'none',
} as const satisfies Record<string, Remedy>;
export type AttemptOutcome = keyof typeof REMEDY;

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
