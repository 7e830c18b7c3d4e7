import { meaningOf, type AttemptOutcome } from '../../../common/attempt.js';
import { UpstreamFailure, type UpstreamFailureDetail } from '../../../common/upstream-failure.js';
import { errorIn, readProviderError, type ProviderError } from './provider-error.js';
import { readableJson } from '../../../common/json/readable.js';
import { capped, retryAfterMs } from '../../../common/retry-after.js';

type Headers = Readonly<Record<string, unknown>>;

const CONTEXT_LENGTH =
  /context.{0,20}(length|window|size|limit)|maximum context|too many (input )?tokens|exceeds? the (model|available)|\b(prompt|input|conversation)\b.{0,20} too (long|large)|(input|prompt).{0,20} tokens.{0,60} must (be|have) (<=|less|at most)/i;
const CONTENT_FILTER = /content[_ ]?(filter|policy|management)|responsible ?ai/i;
/** Anthropic says with 400 that the account of this router is empty or has used up what it may spend. */
const ACCOUNT = /credit balance is too low|reached your specified api usage limits/i;
const RATE_LIMIT = /rate.?limit|too.?many.?requests/i;
/**
 * A server whose model is on its way into memory: llama.cpp "Loading model", Ollama "llm server loading model", Hugging
 * Face "Model x is currently loading", SGLang and others "warming up".
 */
const LOADING =
  /\bloading (the )?model|\bmodel\b.{0,200}\b(is|being|currently|still) (loading|(being )?loaded\b.{0,20}wait)|\b(server|model|engine)\b.{0,80}\b(warming up|starting up|initializing|not (yet )?ready)/is;
const NOT_LOADABLE = /\b(error|failed|unable|cannot|could not)\b.{0,20}\bload/i;
/** Where such words stand, characters. */
const BEGINNING = 500;

/** The status that a name in a body stands for, where the body gives no number; the first that fits. */
const STATUS_BY_NAME: readonly (readonly [RegExp, number])[] = [
  [/\boverloaded_error\b/, 529],
  [/\brequest_too_large\b/, 413],
  [/\bbilling_error\b/, 402],
  [/insufficient_quota|resource_?exhausted|throttl/i, 429],
  [/unauthori[sz]ed|unauthenticated|authentication|invalid_api_key|permission/i, 401],
  [/not_?found/i, 404],
  [/invalid_?(request|argument|prompt|value|type)|bad_?request|unprocessable|validation|unsupported/i, 400],
  [/overloaded|unavailable/i, 503],
  [/timeout|timed_out|deadline/i, 504],
];

/** Said of the place and not of the request: another path, method or protocol; a model that is gone. */
const NOT_THERE = [404, 405, 410, 426, 505];
/** Said of the moment: in conflict, misdirected, locked, of something behind it, too early, given up by a proxy. */
const NOT_NOW = [409, 421, 423, 424, 425, 499];

function outcomeOf(status: number, words: string): AttemptOutcome {
  if (status === 401 || status === 403) return CONTENT_FILTER.test(words) ? 'content_filter' : 'auth';
  if (isLoading(words.slice(0, BEGINNING))) return 'loading';
  if (status === 402 || status === 407) return 'auth'; // the account of this router, not the caller's request
  if (NOT_THERE.includes(status)) return 'not_found';
  if (NOT_NOW.includes(status)) return 'server_error';
  if (status === 408) return 'timeout';
  if (status === 429) return 'rate_limited';
  if (status === 413) return 'context_length';
  if (status >= 400 && status < 500) {
    if (CONTENT_FILTER.test(words)) return 'content_filter';
    if (ACCOUNT.test(words)) return 'auth';
    return CONTEXT_LENGTH.test(words) ? 'context_length' : 'bad_request';
  }
  return status >= 500 ? 'server_error' : 'bad_answer';
}

const isLoading = (words: string): boolean => LOADING.test(words) && !NOT_LOADABLE.test(words);

/** What a status other than 2xx means. Only refusals of the request itself keep the provider's own words. */
export function failureOfStatus(status: number, body: string, headers: Headers): UpstreamFailure {
  return failureOf(status, readProviderError(parsed(body)), headers);
}

/** What the JSON of an answer with status 200 says of an error; `null` where it is part of an answer. */
export function failureIn(body: unknown, headers: Headers = {}): UpstreamFailure | null {
  const error = errorIn(body);
  return error === undefined ? null : failureOfBody(error, headers);
}

/** What an error inside an answer with status 200 means: the same as if its code had been the status. */
export function failureOfBody(body: unknown, headers: Headers = {}): UpstreamFailure {
  const error = readProviderError(body);
  return failureOf(error.status ?? statusOfWords(error), error, headers);
}

function failureOf(status: number, error: ProviderError, headers: Headers): UpstreamFailure {
  const { message, names, param, innererror } = error;
  const words = `${names} ${message}`.trim();
  const outcome = outcomeOf(status, words);
  const waitMs = retryAfterMs(headers) ?? (error.retryAfterMs === null ? undefined : capped(error.retryAfterMs));
  const { isRefusal = false } = meaningOf(outcome);
  const detail: UpstreamFailureDetail = {
    status,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(param === null ? {} : { param }),
    ...(isRefusal && message ? { providerMessage: message } : {}),
    ...(isRefusal && innererror ? { innererror } : {}),
  };
  return new UpstreamFailure(outcome, `HTTP ${status}: ${words || 'no message'}`, detail);
}

/** What follows is read from words only where there is no status at all. */
function statusOfWords({ names, message }: ProviderError): number {
  const words = `${names} ${message}`;
  if (RATE_LIMIT.test(words)) return 429;
  if (CONTENT_FILTER.test(words) || CONTEXT_LENGTH.test(words)) return 400;
  return STATUS_BY_NAME.find(([name]) => name.test(names))?.[1] ?? 500;
}

/** Codes of undici (too long, no HTTP) and zlib (a broken encoding). */
const NOT_ACCEPTED = /^(UND_ERR_RES_EXCEEDED_MAX_SIZE|UND_ERR_HEADERS_OVERFLOW|HPE_|Z_|ERR__ERROR|ZSTD_)/;

/** A failure below HTTP: connection refused, reset, TLS, name resolution, a limit of the client library. */
export function failureOfTransport(error: unknown, beforeAnswer: boolean): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error;
  const code = (error as { code?: string }).code ?? 'unknown';
  const options = { cause: error };
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return new UpstreamFailure('timeout', 'no connection in time', {}, options);
  if (NOT_ACCEPTED.test(code)) {
    return new UpstreamFailure('bad_answer', `answer not accepted (${code})`, {}, options);
  }
  return new UpstreamFailure(beforeAnswer ? 'unreachable' : 'cut', `connection failed (${code})`, {}, options);
}

/** Of JSON that was cut off: the beginning of its first message, as far as it is shown. */
const CUT_MESSAGE = /"(?:message|detail|msg|error)"\s{0,9}:\s{0,9}"((?:[^"\\]|\\(?:u[\da-f]{4}|[^u])){1,600})/i;

/** JSON, or the text itself: some servers answer in plain words. The page of a proxy says nothing to a caller. */
function parsed(text: string): unknown {
  const json = readableJson(text);
  if (json !== undefined) return json;
  const begun = CUT_MESSAGE.exec(text)?.[1];
  if (begun !== undefined && /^\s*[[{]/.test(text)) return parsed(`"${begun}"`);
  return text.trimStart().startsWith('<') ? null : text.trim();
}
