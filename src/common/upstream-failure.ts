import { meaningOf, type AttemptOutcome, type Remedy } from './attempt.js';

export interface UpstreamFailureDetail {
  /** HTTP status of the server, when it sent one. */
  readonly status?: number;
  /** The provider's own words, safe to show: only for refusals of the request itself. */
  readonly providerMessage?: string;
  readonly param?: string | null;
  /** They are this service's: it refused in the server's place. */
  readonly isOurs?: true;
  /** Azure's category and severity of a content filter, as they came; bounded. */
  readonly innererror?: unknown;
  /** From the server's `Retry-After`, milliseconds. */
  readonly retryAfterMs?: number;
  /** The request had too little time left for it: nothing is said about the target. */
  readonly isShort?: true;
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

  /** Something about the target: it counts for its breaker. */
  get isFault(): boolean {
    return meaningOf(this.outcome).isFault === true && !this.detail.isShort;
  }
}
