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
