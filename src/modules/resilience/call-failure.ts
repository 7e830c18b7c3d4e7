import {
  type AppError,
  ContentFiltered,
  ContextLengthExceeded,
  InvalidRequest,
  NoTargetAvailable,
  Overloaded,
  UpstreamAuth,
  UpstreamError,
  UpstreamTimeout,
} from '../../common/app-error.js';
import type { AttemptOutcome } from '../../common/attempt.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';

const RETRY_AFTER_SECONDS = 2;

/** A failure that another attempt may mend; everything else is thrown on. */
export function mendableOrThrow(error: unknown): UpstreamFailure {
  if (error instanceof UpstreamFailure && error.remedy !== 'none') return error;
  throw error instanceof UpstreamFailure ? refusal(error) : error;
}

/** A provider's refusal of the request itself, in the words of our API and the provider's reason. */
function refusal({ outcome, detail, message }: UpstreamFailure): AppError {
  const reason = detail.providerMessage ?? 'The model server refused the request.';
  const options = { innererror: detail.innererror };
  if (outcome === 'content_filter') return new ContentFiltered(reason, detail.param ?? null, options);
  if (outcome === 'context_length') return new ContextLengthExceeded(reason, detail.param ?? 'messages', options);
  if (outcome === 'bad_request') return new InvalidRequest(reason, detail.param ?? null, options);
  return new UpstreamError('The model server could not answer.', null, { cause: message });
}

/**
 * What the caller gets when every candidate failed. One kind of failure is named; a mixture is "nobody can answer".
 *
 * @param random 0 to 1, spreads `Retry-After` so that callers do not come back together
 */
export function failureOfAll(failures: readonly UpstreamFailure[], random: number): AppError {
  const all = (...outcomes: AttemptOutcome[]) =>
    failures.length > 0 && failures.every(({ outcome }) => outcomes.includes(outcome));
  const options = { cause: failures.at(-1) };
  const contextLength = failures.find(({ outcome }) => outcome === 'context_length');
  if (contextLength) return refusal(contextLength);
  if (all('auth')) {
    return new UpstreamAuth("The model server did not accept this router's own credential.", null, options);
  }
  if (all('timeout')) return new UpstreamTimeout('The model server did not answer in time.', null, options);
  if (all('bad_answer', 'not_found')) {
    return new UpstreamError('The model server answered with something that is no chat answer.', null, options);
  }
  const waitMs = Math.max(0, ...failures.map(({ detail }) => detail.retryAfterMs ?? 0));
  const seconds = waitMs / 1000 + RETRY_AFTER_SECONDS * (1 + random);
  if (all('overloaded')) return new Overloaded('All targets of this model are at their limit.', seconds);
  return new NoTargetAvailable('No target of this model could answer. Try again later.', seconds);
}

/** A server may refuse in the middle of its answer, too; the reason is the caller's then. */
const REFUSED: ReadonlySet<AttemptOutcome> = new Set(['bad_request', 'context_length', 'content_filter']);

/** What goes out in-band when an answer that had begun breaks off. */
export function brokenOff(error: unknown): unknown {
  if (!(error instanceof UpstreamFailure)) return error;
  if (REFUSED.has(error.outcome)) return refusal(error);
  const options = { cause: error };
  if (error.outcome === 'timeout') {
    return new UpstreamTimeout('The model server fell silent in the middle of its answer.', null, options);
  }
  return new UpstreamError('The model server broke off in the middle of its answer.', null, options);
}
