import type { IncomingHttpHeaders } from 'node:http';
import { ThreadUnsupported, type AppError } from '../app-error.js';

/** The door of Anthropic's protocol. */
export const MESSAGES_PATH = '/v1/messages';
const MODELS_PATH = '/v1/models';

/** Nobody can answer now; 503 everywhere else. */
export const ANTHROPIC_OVERLOADED = 529;

/** HTTP status and `type` of an error in Anthropic's words, by the status of our catalogue. */
const FORMS: ReadonlyMap<number, readonly [status: number, type: string]> = new Map([
  [401, [401, 'authentication_error']],
  [403, [403, 'permission_error']],
  [404, [404, 'not_found_error']],
  [409, [409, 'conflict_error']],
  [413, [413, 'request_too_large']],
  [429, [429, 'rate_limit_error']],
  [500, [500, 'api_error']],
  [502, [502, 'api_error']],
  [503, [ANTHROPIC_OVERLOADED, 'overloaded_error']],
  [504, [504, 'timeout_error']],
]);

/** By which the SDK's tool runner knows that it has to send the whole conversation, and does so. */
const THREADS_UNSUPPORTED = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };

export interface AnthropicErrorBody {
  type: 'error';
  error: { type: string; message: string; code: string; param?: string; innererror?: unknown; details?: unknown };
  request_id: string;
}

/**
 * An error of the catalogue as clients of Anthropic's API read it: their SDKs choose by `type` and status, and `code` and
 * `param` say the same as in OpenAI's form. Nobody being able to answer is 529 there.
 *
 * @see https://docs.anthropic.com/en/api/errors
 */
export function anthropicError(error: AppError, requestId: string): { status: number; body: AnthropicErrorBody } {
  const [status, type] = FORMS.get(error.status) ?? [error.status, 'invalid_request_error'];
  const { message, param, code, innererror } = error.toBody().error;
  const shown = {
    type,
    message,
    code,
    ...(param === null ? {} : { param }),
    ...(innererror === undefined ? {} : { innererror }),
    ...(error instanceof ThreadUnsupported ? { details: THREADS_UNSUPPORTED } : {}),
  };
  return { status, body: { type: 'error', error: shown, request_id: requestId } };
}

/**
 * Whether a request speaks Anthropic's protocol: what comes to its door, also below it where no route is, and a question
 * for models that says so. By the path and not by the route: of what is refused before a route is found none is known.
 */
export function speaksAnthropic({
  url,
  headers,
}: {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}): boolean {
  if (isBelow(url, MESSAGES_PATH)) return true;
  return headers['anthropic-version'] !== undefined && isBelow(url, MODELS_PATH);
}

const isBelow = (url: string, path: string): boolean =>
  url.startsWith(path) && (url.length === path.length || '/?#'.includes(url.charAt(path.length)));

/** The schema of an error body with these codes, for the OpenAPI document. */
export function anthropicErrorSchema(codes: readonly string[]) {
  const text = { type: 'string' as const };
  return {
    type: 'object' as const,
    required: ['type', 'error', 'request_id'],
    properties: {
      type: { ...text, enum: ['error'] },
      error: {
        type: 'object' as const,
        required: ['type', 'message', 'code'],
        properties: {
          type: text,
          message: text,
          code: { ...text, enum: [...codes] },
          param: { ...text, description: 'Path of the bad field; absent where there is none.' },
          details: { description: 'Of `thread_unsupported_request`: error_code and unsupported; absent otherwise.' },
          innererror: { description: "A provider's own account of a content filter; absent when there is none." },
        },
      },
      request_id: text,
    },
  };
}
