import type { TargetStatus } from './target.js';
import type { AttemptTrace } from './tracing/attempt-trace.js';

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

/** What the end of a call says. */
interface Meaning {
  readonly remedy: Remedy;
  /** Something about the target: it counts for its breaker. A 4xx is an answer, and a caller who left is no fault. */
  readonly isFault?: true;
  /** A refusal of the request itself: the reason is the caller's. */
  readonly isRefusal?: true;
  /** A later try can do nothing about it. */
  readonly isLasting?: true;
  /** It says itself when to come back, or it cost the server nothing. */
  readonly isPatient?: true;
  /** No slot was free here, or the caller left: the server was never asked. */
  readonly isUnasked?: true;
}

const OUTCOMES = {
  ok: { remedy: 'none' },
  timeout: { remedy: 'other_target', isFault: true },
  unreachable: { remedy: 'retry', isFault: true },
  cut: { remedy: 'retry', isFault: true },
  server_error: { remedy: 'retry', isFault: true },
  rate_limited: { remedy: 'retry', isPatient: true },
  auth: { remedy: 'other_target', isLasting: true },
  not_found: { remedy: 'other_target', isLasting: true },
  bad_request: { remedy: 'none', isRefusal: true },
  context_length: { remedy: 'larger_window', isRefusal: true, isLasting: true },
  content_filter: { remedy: 'none', isRefusal: true },
  bad_answer: { remedy: 'retry', isFault: true },
  overloaded: { remedy: 'other_target', isPatient: true, isUnasked: true },
  loading: { remedy: 'retry', isPatient: true },
  aborted: { remedy: 'none', isUnasked: true },
} as const satisfies Record<string, Meaning>;

/** How one call of one target ended. A closed set: it is a metric label. */
export type AttemptOutcome = keyof typeof OUTCOMES;
export const meaningOf = (outcome: AttemptOutcome): Meaning => OUTCOMES[outcome];

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
  /** `null` where no span is made of it; not shown. */
  readonly trace?: AttemptTrace | null;
}

/** An attempt as it may be shown, with hundredths of a millisecond. */
export type ShownAttempt = Pick<Attempt, 'target' | 'outcome' | 'status' | 'ms'>;
export const shownAttempt = ({ target, outcome, status, ms }: Attempt): ShownAttempt => ({
  target,
  outcome,
  ...(status === undefined ? {} : { status }),
  ms: Math.round(ms * 100) / 100,
});

/** The calls of one request in the order they were begun. */
export class AttemptLog {
  /** Targets that had been sent the prompt and were still at it when the caller left. */
  readonly left: TargetStatus[] = [];
  private readonly begun: Attempt[] = [];

  get all(): readonly Attempt[] {
    return this.begun;
  }

  /** A call begins now; it counts as good until it says otherwise. */
  begin(target: string, trace: AttemptTrace | null = null): Attempt {
    const attempt: Attempt = { target, startedAt: performance.now(), outcome: 'ok', ms: 0, trace };
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
