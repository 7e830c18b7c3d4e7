import type { AttemptOutcome } from '../../../common/attempt.js';
import { UpstreamFailure, type UpstreamFailureDetail } from '../../../common/upstream-failure.js';

/** The error object of OpenAI's API, and what other servers make of it. */
interface ProviderError {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly type?: unknown;
  readonly param?: unknown;
}

const CONTEXT_LENGTH =
  /context.{0,20}(length|window|size)|maximum context|too many tokens|exceeds? the (model|available)/i;
const CONTENT_FILTER = /content[_ ]?(filter|policy|management)|responsible ?ai/i;
const SHOWN_CHARACTERS = 500;

/** Finds the error object in a body of the form `{error: {...}}`, `{error: "..."}`, `{message}` or `{detail}`. */
export function providerErrorOf(json: unknown): ProviderError | null {
  if (typeof json !== 'object' || json === null) return null;
  const body = json as Record<string, unknown>;
  if (typeof body['error'] === 'object' && body['error'] !== null) return body['error'];
  const message = body['error'] ?? body['message'] ?? body['detail'];
  return typeof message === 'string' ? { message } : null;
}

function outcomeOf(status: number, words: string): AttemptOutcome {
  if (status === 401 || status === 403) return CONTENT_FILTER.test(words) ? 'content_filter' : 'auth';
  if (status === 404 || status === 405) return 'not_found';
  if (status === 408) return 'timeout';
  if (status === 429) return 'rate_limited';
  if (status === 413) return 'context_length';
  if (status >= 400 && status < 500) {
    if (CONTENT_FILTER.test(words)) return 'content_filter';
    return CONTEXT_LENGTH.test(words) ? 'context_length' : 'bad_request';
  }
  return status >= 500 ? 'server_error' : 'bad_answer';
}

const REFUSALS: readonly AttemptOutcome[] = ['bad_request', 'context_length', 'content_filter'];

/** Seconds or an HTTP date (RFC 9110 section 10.2.3) to milliseconds; `retry-after-ms` is Azure's and OpenAI's. */
export function retryAfterMs(headers: Record<string, unknown>, now: number = Date.now()): number | undefined {
  const exact = Number(headers['retry-after-ms'] ?? NaN);
  if (exact >= 0) return exact;
  const value = headers['retry-after'];
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (seconds >= 0) return seconds * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** What a status other than 2xx means. Only refusals of the request itself keep the provider's own words. */
export function failureOfStatus(status: number, body: string, headers: Record<string, unknown>): UpstreamFailure {
  const error = providerErrorOf(parsed(body));
  const message = typeof error?.message === 'string' ? error.message : '';
  const words = [error?.code, error?.type, message].filter((part) => typeof part === 'string').join(' ');
  const outcome = outcomeOf(status, words);
  const detail: UpstreamFailureDetail = {
    status,
    ...(REFUSALS.includes(outcome) && message ? { providerMessage: message.slice(0, SHOWN_CHARACTERS) } : {}),
    ...(typeof error?.param === 'string' ? { param: error.param } : {}),
    ...optional('retryAfterMs', retryAfterMs(headers)),
  };
  return new UpstreamFailure(outcome, `HTTP ${status}: ${words.slice(0, SHOWN_CHARACTERS) || 'no message'}`, detail);
}

/** An error object inside a stream that began with status 200. */
export function failureOfFrame(error: ProviderError): UpstreamFailure {
  const status = Number(error.code);
  const text = JSON.stringify({ error });
  return failureOfStatus(status >= 400 && status < 600 ? status : statusOfType(error), text, {});
}

function statusOfType({ type, code, message }: ProviderError): number {
  const words = [type, code, message].filter((part) => typeof part === 'string').join(' ');
  if (/rate.?limit|too.?many.?requests/i.test(words)) return 429;
  if (CONTENT_FILTER.test(words) || CONTEXT_LENGTH.test(words)) return 400;
  return 500;
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

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // an HTML error page or half a JSON text: the status says enough
  }
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
