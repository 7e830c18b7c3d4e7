import type { DoorWords } from './door-words.js';
import { redact } from './logging/redact.js';

/** `type` of an error body, in OpenAI's words; SDKs show it, programs branch on `code`. */
const TYPE_BY_STATUS: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string; innererror?: unknown };
}

interface AppErrorOptions extends ErrorOptions {
  readonly innererror?: unknown;
  readonly headers?: Record<string, string>;
  readonly isQuoted?: boolean;
}

/**
 * A failure that a caller may see. `message` is shown as it is: it names the field and the cure and never holds an
 * internal URL, a key or a stack. `code` is the API field, the metric label and the log key.
 */
export abstract class AppError extends Error {
  abstract readonly code: string;
  abstract readonly status: number;
  /** Whether the same request can succeed later; `false` goes out as `x-should-retry: false`. */
  retryable: boolean = false;
  /** Extra response headers, e.g. `retry-after` in seconds. */
  readonly headers: Readonly<Record<string, string>>;
  /** What a provider tells beside its message, e.g. the category of a content filter; `undefined` is not shown. */
  readonly innererror: unknown;
  /** Whether `message` and `param` are a model server's own words. */
  readonly isQuoted: boolean;

  constructor(
    message: string,
    readonly param: string | null = null,
    options?: AppErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
    this.innererror = options?.innererror;
    this.isQuoted = options?.isQuoted ?? false;
    this.headers = options?.headers ?? {};
  }

  /** A retry would fail as well, or multiply those that were made here. */
  final(): this {
    this.retryable = false;
    return this;
  }

  /**
   * The same error of the pipeline for a caller who came through another door: fields have the names that this door has for
   * them. A model server's sentences stay as they are. Several requests may end in one error, so it is a copy.
   */
  inWords(words: DoorWords): this {
    const message = this.isQuoted ? this.message : words.sentence(this.message);
    const param = this.param === null ? null : words.field(this.param, this.isQuoted);
    if (message === this.message && param === this.param) return this;
    const copy = Object.create(Object.getPrototypeOf(this) as object, Object.getOwnPropertyDescriptors(this)) as this;
    const field = { configurable: true, writable: true };
    return Object.defineProperties(copy, {
      message: { ...field, value: message, enumerable: false },
      param: { ...field, value: param, enumerable: true },
    });
  }

  /** As it goes out. What was quoted from outside (a path, a provider's reason) is redacted: SDKs log these texts. */
  toBody(): ErrorBody {
    const type = TYPE_BY_STATUS[this.status] ?? (this.status < 500 ? 'invalid_request_error' : 'server_error');
    const param = this.param === null ? null : redact(this.param);
    const error = { message: redact(this.message), type, param, code: this.code };
    return {
      error: this.innererror === undefined ? error : { ...error, innererror: redactedStrings(this.innererror) },
    };
  }
}

const redactedStrings = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_name, field: unknown) => (typeof field === 'string' ? redact(field) : field)));

const errorOf = (code: string, status: number, retryable = false) =>
  class extends AppError {
    readonly code = code;
    readonly status = status;
    override retryable: boolean = retryable;
  };

/** One that says when to come back. */
const laterOf = (code: string, status: number) =>
  class extends errorOf(code, status, true) {
    /** @param retryAfterSeconds whole seconds, at least 1 (RFC 9110 section 10.2.3) */
    constructor(message: string, retryAfterSeconds: number, headers: Record<string, string> = {}) {
      super(message, null, {
        headers: { ...headers, 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))) },
      });
    }
  };

// The catalogue: every error of the HTTP API (DESIGN section 4), in order of status.
export class InvalidRequest extends errorOf('invalid_request', 400) {}
/** As OpenAI names it: a response that a request goes on from is not there (any more). */
export class PreviousResponseNotFound extends errorOf('previous_response_not_found', 400) {}
/** As Anthropic names it: whoever gets it sends the whole conversation instead. */
export class ThreadUnsupported extends errorOf('thread_unsupported_request', 400) {}
export class ContextLengthExceeded extends errorOf('context_length_exceeded', 400) {}
export class ContentFiltered extends errorOf('content_filter', 400) {}
export class PrivacyNoLocalTarget extends errorOf('privacy_no_local_target', 400) {}
export class InvalidApiKey extends errorOf('invalid_api_key', 401) {
  override readonly headers = { 'www-authenticate': 'Bearer realm="hybrid-llm-router", error="invalid_token"' };
}
/** RFC 6750 section 3.1; a new token helps. */
export class TokenExpired extends errorOf('token_expired', 401) {
  override readonly headers = {
    'www-authenticate':
      'Bearer realm="hybrid-llm-router", error="invalid_token", error_description="The token has expired"',
  };
}
export class PermissionDenied extends errorOf('permission_denied', 403) {}
export class ModelNotAllowed extends errorOf('model_not_allowed', 403) {}
export class NotFound extends errorOf('not_found', 404) {}
export class ModelNotFound extends errorOf('model_not_found', 404) {}
export class SessionNotFound extends errorOf('session_not_found', 404) {}
export class IdempotencyConflict extends errorOf('idempotency_conflict', 409) {}
export class PayloadTooLarge extends errorOf('payload_too_large', 413) {}
export class UnsupportedMediaType extends errorOf('unsupported_media_type', 415) {}
/** RFC 9110 section 15.5.22: it names the protocol that is spoken here. Node reads nothing behind a request for another one. */
export class UpgradeRequired extends errorOf('upgrade_required', 426) {
  override readonly headers = { upgrade: 'HTTP/1.1', connection: 'upgrade, close' };
}
export class RateLimitExceeded extends laterOf('rate_limit_exceeded', 429) {}
/** The month's money is spent, or its rest is reserved by requests in flight. */
export class BudgetExceeded extends laterOf('budget_exceeded', 429) {}
export class InternalError extends errorOf('internal_error', 500) {}
export class UpstreamError extends errorOf('upstream_error', 502, true) {}
export class UpstreamAuth extends errorOf('upstream_auth', 502) {}
export class NoTargetAvailable extends laterOf('no_target_available', 503) {}
export class Overloaded extends laterOf('overloaded', 503) {}
export class Draining extends laterOf('draining', 503) {}
export class UpstreamTimeout extends errorOf('upstream_timeout', 504, true) {}
export class DeadlineExceeded extends errorOf('deadline_exceeded', 504, true) {}
