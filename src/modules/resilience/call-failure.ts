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
import { meaningOf, type AttemptOutcome } from '../../common/attempt.js';
import { retryAfterSeconds } from '../../common/retry-after.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';

/** Where nobody knows when a target is well again. */
export const UNKNOWN_WAIT_MS = 2_000;

/** A failure that another attempt may mend; everything else is thrown on. */
export function mendableOrThrow(error: unknown): UpstreamFailure {
  if (error instanceof UpstreamFailure && error.remedy !== 'none') return error;
  throw error instanceof UpstreamFailure ? refusal(error) : error;
}

/** A provider's refusal of the request itself, in the words of our API and the provider's reason. */
function refusal({ outcome, detail, message }: UpstreamFailure): AppError {
  const reason = detail.providerMessage ?? 'The model server refused the request.';
  const options = { innererror: detail.innererror, isQuoted: !detail.isOurs };
  if (outcome === 'content_filter') return new ContentFiltered(reason, detail.param ?? null, options);
  if (outcome === 'context_length') return new ContextLengthExceeded(reason, detail.param ?? 'messages', options);
  if (outcome === 'bad_request') return new InvalidRequest(reason, detail.param ?? null, options);
  return new UpstreamError('The model server could not answer.', null, { cause: message });
}

/** Whether a later try may succeed. */
export const mayPass = ({ outcome }: UpstreamFailure): boolean => !meaningOf(outcome).isLasting;

/** How a search for an answer ended in vain. */
export interface VainSearch {
  readonly failures: readonly UpstreamFailure[];
  /** Whether a target was left that could not be asked now. */
  readonly untried: boolean;
  /** Milliseconds until the first target can be asked again; `null` when nobody knows. */
  readonly waitMs: number | null;
}

/**
 * What the caller gets when every candidate failed: the error that tells whether trying again can help. A failure that may
 * pass counts more than one that lasts; one kind is named, a mixture is "nobody can answer".
 *
 * @param random 0 to 1, spreads `Retry-After` so that callers do not come back together
 */
export function failureOfAll({ failures, untried, waitMs }: VainSearch, random: number): AppError {
  const passing = failures.filter(mayPass);
  if (passing.length === 0 && !untried && failures.length > 0) return lastingFailure(failures);
  return finalIfRetried(
    passingFailure(passing, untried, retryAfterSeconds(waitMs ?? UNKNOWN_WAIT_MS, random)),
    failures,
  );
}

/** Tells SDKs not to multiply what was retried here (`x-should-retry: false`). */
export function finalIfRetried(error: AppError, failures: readonly UpstreamFailure[]): AppError {
  const tries = failures.filter((failure) => mayPass(failure) && !meaningOf(failure.outcome).isPatient);
  return tries.length > 1 ? error.final() : error;
}

function passingFailure(passing: readonly UpstreamFailure[], untried: boolean, seconds: number): AppError {
  const all = (outcome: AttemptOutcome) =>
    !untried && passing.length > 0 && passing.every((failure) => failure.outcome === outcome);
  const options = { cause: passing.at(-1) };
  if (all('timeout')) return new UpstreamTimeout('The model server did not answer in time.', null, options);
  if (all('bad_answer')) {
    return new UpstreamError('The model server answered with something that is no answer.', null, options);
  }
  if (all('overloaded')) return new Overloaded('All targets of this model are at their limit.', seconds);
  if (all('loading')) return new NoTargetAvailable('The model is still being loaded. Try again later.', seconds);
  return new NoTargetAvailable('No target of this model could answer. Try again later.', seconds);
}

function lastingFailure(failures: readonly UpstreamFailure[]): AppError {
  const options = { cause: failures.at(-1) };
  const contextLength = failures.find(({ outcome }) => outcome === 'context_length');
  if (contextLength) return refusal(contextLength);
  if (failures.some(({ outcome }) => outcome === 'auth')) {
    return new UpstreamAuth("The model server did not accept this router's own credential.", null, options);
  }
  return new UpstreamError(
    'The model server does not know the model or the path it is configured with.',
    null,
    options,
  ).final();
}

/** What goes out in-band when an answer that had begun breaks off. A server may refuse in the middle of it, too. */
export function brokenOff(error: unknown): unknown {
  if (!(error instanceof UpstreamFailure)) return error;
  if (meaningOf(error.outcome).isRefusal) return refusal(error);
  const options = { cause: error };
  if (error.outcome === 'timeout') {
    return new UpstreamTimeout('The model server fell silent in the middle of its answer.', null, options);
  }
  return new UpstreamError('The model server broke off in the middle of its answer.', null, options);
}
