import type { Completion } from '../../../common/chat.js';
import { ownField } from '../../../common/json/fields.js';

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/**
 * Whether this JSON from the body of a 200 answer is an error and no part of an answer. Servers say it as `error`
 * (object or text) at the top or in a choice, as `object: "error"` (vLLM), `type: "error"`, the finish reason
 * `error`, a list of one, or a `detail` or `message` where choices should be. `error: null` is none.
 */
export function isErrorBody(json: unknown): boolean {
  if (!isObject(json)) return false;
  if (Array.isArray(json)) return json.some(isErrorBody);
  const { error, choices } = json as Completion;
  const hasChoices = Array.isArray(choices) && choices.length > 0;
  if (error) return !hasChoices || !isEmpty(error);
  if (json['object'] === 'error') return true;
  if (hasChoices) {
    for (const choice of choices) if (isErrorChoice(choice)) return true;
    return false;
  }
  if (json['type'] === 'error') return true;
  // what has neither choices nor the name of a chunk is no part of an answer; usage alone and pings say nothing
  if (Array.isArray(choices) || String(json['object']).startsWith('chat.completion')) return false;
  return ERROR_FIELDS.some((field) => tells(ownField(json, field))) || claimsErrorStatus(json);
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
function claimsErrorStatus(json: Fields): boolean {
  const status = json['status'] ?? json['code'] ?? json['status_code'];
  return typeof status === 'number' && status >= 400 && status < 600;
}

/** The part of an error body that tells of the error; choices may hold it. */
export function errorIn(json: unknown): unknown {
  if (!isObject(json) || tells(json['error'])) return json;
  const choices = (json as Completion).choices;
  const choice = Array.isArray(choices) ? choices.find(isErrorChoice) : undefined;
  if (!choice) return json;
  return tells(choice['error']) ? { error: choice['error'] } : { error: 'the answer ended with an error' };
}

const isErrorChoice = (choice: unknown): boolean =>
  isObject(choice) && (choice['finish_reason'] === 'error' || (tells(choice['error']) && !isEmpty(choice['error'])));

const tells = (value: unknown): boolean => Boolean(value);
const isEmpty = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 0;
