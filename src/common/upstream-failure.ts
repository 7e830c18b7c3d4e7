import { meaningOf, type AttemptOutcome, type Remedy } from './attempt.js';

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
    this.remedy = meaningOf(outcome).remedy;
  }
}
