import type { Completion } from '../../../common/chat.js';
import { cutText } from '../../../common/cut-text.js';
import { isFields, ownField, type Fields } from '../../../common/json/fields.js';

const isObject = (value: unknown): value is Readonly<Fields> => typeof value === 'object' && value !== null;

/**
 * What tells of an error in the JSON of a 200 answer; `undefined` where it is none, but part of an answer. Servers say it
 * as `error` (object or text) at the top or in a choice, as `object: "error"` (vLLM), `type: "error"`, the finish reason
 * `error`, a list of one, or a `detail` or `message` where choices should be. `error: null` is none.
 */
export function errorIn(json: unknown): unknown {
  if (!isObject(json)) return undefined;
  if (Array.isArray(json)) return json.some((item) => errorIn(item) !== undefined) ? json : undefined;
  const { error, choices } = json as Completion;
  const hasChoices = Array.isArray(choices) && choices.length > 0;
  if (error) return !hasChoices || !isEmpty(error) ? json : undefined;
  if (json['object'] === 'error') return json;
  if (hasChoices) {
    const choice = choices.find(isErrorChoice);
    return choice && { error: choice['error'] || 'the answer ended with an error' };
  }
  if (json['type'] === 'error') return json;
  // what has neither choices nor the name of a chunk is no part of an answer; usage alone and pings say nothing
  if (Array.isArray(choices) || String(json['object']).startsWith('chat.completion')) return undefined;
  const isError = ERROR_FIELDS.some((field) => Boolean(ownField(json, field))) || claimsErrorStatus(json);
  return isError ? json : undefined;
}

const ERROR_FIELDS = [
  'detail',
  'message',
  'errors',
  'error_message',
  'errorMessage',
  'error_msg',
  'error_code',
  'errorCode',
];

/** RFC 9457 and its likes: `{"title": "Service Unavailable", "status": 503}`. */
function claimsErrorStatus(json: Readonly<Fields>): boolean {
  const status = json['status'] ?? json['code'] ?? json['status_code'];
  return typeof status === 'number' && status >= 400 && status < 600;
}

const isErrorChoice = (choice: unknown): boolean =>
  isObject(choice) && (choice['finish_reason'] === 'error' || (Boolean(choice['error']) && !isEmpty(choice['error'])));

const isEmpty = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 0;

/** What an error body says, whatever its form. */
export interface ProviderError {
  /** The provider's words, '' when there are none. */
  readonly message: string;
  /** Names such as `context_length_exceeded` or `BadRequestError`, joined. */
  readonly names: string;
  readonly param: string | null;
  /** The HTTP status the body claims, 400 to 599. */
  readonly status: number | null;
  /** Azure's content-filter result; see `innerErrorOf`. */
  readonly innererror: unknown;
  /** From the body, milliseconds as written there. */
  readonly retryAfterMs: number | null;
}

const SHOWN_CHARACTERS = 500;
const MAX_INNER_ERROR_CHARACTERS = 4_096;
const MAX_DEPTH = 4;

const MESSAGE_FIELDS = [
  'message',
  'detail',
  'msg',
  'error_description',
  'error_message',
  'errorMessage',
  'error_msg',
  'reason',
  'title',
];
const STATUS_FIELDS = ['code', 'status', 'status_code', 'statusCode', 'http_status', 'error_code', 'errorCode'];

const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Reads an error body: OpenAI's `{error: {...}}`, and what other servers make of it (a bare text, a list, FastAPI's
 * `detail`, `{message}`, `{errors}`, vLLM's `{object: "error"}`). A form that nobody knows is its own message.
 */
export function readProviderError(body: unknown): ProviderError {
  const fields = errorFieldsOf(body, 0);
  const all = isFields(body) && body !== fields ? [fields, body] : [fields];
  const message = messageOf(body, 0) || (body === null || body === undefined ? '' : JSON.stringify(body));
  return {
    message: cutText(message, SHOWN_CHARACTERS),
    names: cutText(all.flatMap(namesIn).join(' '), SHOWN_CHARACTERS),
    param: paramOf(fields, body),
    status: all.map(statusOf).find((status) => status !== null) ?? null,
    innererror: innerErrorOf(fields),
    retryAfterMs: all.map(retryAfterIn).find((ms) => ms !== null) ?? null,
  };
}

/** `error_type` is text-generation-inference's. */
const namesIn = ({ code, type, status, error_type }: Fields): string[] =>
  [code, type, status, error_type].filter(isName);
const isName = (value: unknown): value is string => typeof value === 'string' && value !== 'error';

/** The object that describes the error: the innermost `error`, or the body itself. */
function errorFieldsOf(value: unknown, depth: number): Fields {
  if (Array.isArray(value)) return errorFieldsOf(value[0], depth + 1);
  if (!isFields(value)) return {};
  const inner = value['error'];
  return (isFields(inner) || Array.isArray(inner)) && depth < MAX_DEPTH ? errorFieldsOf(inner, depth + 1) : value;
}

function messageOf(value: unknown, depth: number): string {
  if (typeof value === 'string') return value;
  if (depth > MAX_DEPTH) return '';
  if (Array.isArray(value)) {
    const parts = value.slice(0, 20).map((part) => messageOf(part, depth + 1));
    return parts.filter((part) => part !== '').join('; ');
  }
  if (!isFields(value)) return '';
  for (const field of ['error', ...MESSAGE_FIELDS, 'errors']) {
    const message = messageOf(ownField(value, field), depth + 1);
    if (message !== '') return withPlace(message, value['loc']);
  }
  return '';
}

/** FastAPI names the place of a bad field as a list: `["body", "messages", 0, "role"]`. */
function withPlace(message: string, loc: unknown): string {
  const place = placeOf(loc);
  return place === null ? message : `${place}: ${message}`;
}

function placeOf(loc: unknown): string | null {
  if (!Array.isArray(loc) || loc.length === 0) return null;
  const parts = (loc[0] === 'body' ? loc.slice(1) : loc) as readonly unknown[];
  return parts.join('.') || null;
}

function paramOf(fields: Fields, body: unknown): string | null {
  if (typeof fields['param'] === 'string') return cutText(fields['param'], SHOWN_CHARACTERS);
  const details: unknown = isFields(body) ? body['detail'] : null;
  const first: unknown = Array.isArray(details) ? details[0] : null;
  return isFields(first) ? placeOf(first['loc']) : null;
}

function statusOf(fields: Fields): number | null {
  for (const field of STATUS_FIELDS) {
    const value = ownField(fields, field);
    const status = typeof value === 'number' ? value : /^\d{3}$/.test(textIn(value)) ? Number(value) : NaN;
    if (status >= 400 && status < 600) return status;
  }
  return null;
}

function retryAfterIn(fields: Fields): number | null {
  const { retry_after: seconds, retry_after_ms: ms } = fields;
  if (typeof ms === 'number' && ms >= 0) return ms;
  return typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : null;
}

/**
 * Category and severity of a content filter, as they came. One that is too long for an error keeps only the result.
 *
 * @see https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter
 */
function innerErrorOf(fields: Fields): unknown {
  const inner = fields['innererror'] ?? fields['inner_error'];
  const result = fields['content_filter_result'] ?? fields['content_filter_results'];
  const found = inner ?? (result === undefined ? null : { content_filter_result: result });
  if (fits(found)) return found;
  const { code, content_filter_result: kept } = isFields(found) ? found : {};
  const short = { code, content_filter_result: kept };
  return kept !== undefined && fits(short) ? short : null;
}

const fits = (value: unknown): boolean => (JSON.stringify(value) ?? '').length <= MAX_INNER_ERROR_CHARACTERS;
