import type { AttemptOutcome } from './attempt.js';

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

const REMEDY: Record<AttemptOutcome, Remedy> = {
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
};

export interface UpstreamFailureDetail {
  /** HTTP status of the server, when it sent one. */
  readonly status?: number;
  /** The provider's own words, safe to show: only for refusals of the request itself. */
  readonly providerMessage?: string;
  readonly param?: string | null;
  /** Azure's category and severity of a content filter, as they came; bounded. */
  readonly innererror?: unknown;
  /** From the server's `Retry-After`, milliseconds. */
  readonly retryAfterMs?: number;
}

/** One call of one target failed. Never shown to callers as it is: `message` may name internal addresses. */
export class UpstreamFailure extends Error {
  readonly remedy: Remedy;

  constructor(
    readonly outcome: AttemptOutcome,
    message: string,
    readonly detail: UpstreamFailureDetail = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'UpstreamFailure';
    this.remedy = REMEDY[outcome];
  }
}
