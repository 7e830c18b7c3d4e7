import type { Delta } from './chat.js';
import { isFields, ownField, setOwnField, type Fields } from './json/fields.js';
import { outlineOf } from './json/outline.js';
import { readableJson } from './json/readable.js';

/**
 * A piece of what a model reasoned, as OpenRouter writes it in `reasoning_details` of an assistant message.
 *
 * @see https://openrouter.ai/docs/use-cases/reasoning-tokens
 */
export interface ReasoningDetail {
  type: 'reasoning.text' | 'reasoning.summary' | 'reasoning.encrypted';
  text?: string;
  summary?: string;
  /** By which its vendor knows that nobody has changed the text. */
  signature?: string;
  /** Of an encrypted one. */
  data?: string;
  format?: string;
  index?: number;
  /** The model that made it, as its server names it: it goes back to no other. Written here, not by servers. */
  model?: string;
  [field: string]: unknown;
}

/** What a message or a delta says of reasoning. */
export interface Reasoning {
  /** '' where `details` say it. */
  readonly text: string;
  readonly details: readonly ReasoningDetail[];
}

const NOTHING: Reasoning = Object.freeze({ text: '', details: Object.freeze([]) });
const TYPES: ReadonlySet<unknown> = new Set(['reasoning.text', 'reasoning.summary', 'reasoning.encrypted']);

/** Fields of a detail that are texts, or none. */
const TEXTS = ['text', 'summary', 'signature', 'data', 'format', 'model'] as const;

const isDetail = (value: unknown): value is Fields => isFields(value) && TYPES.has(value['type']);

/** Without the fields that its server has filled with something else; mostly the same. */
function readDetail(sent: Fields): ReasoningDetail {
  const wrong = TEXTS.filter((name) => sent[name] !== undefined && typeof sent[name] !== 'string');
  const index = sent['index'];
  if (wrong.length === 0 && (index === undefined || typeof index === 'number'))
    return sent as unknown as ReasoningDetail;
  const left = { ...sent };
  for (const name of wrong) delete left[name];
  if (typeof index !== 'number') delete left['index'];
  return left as unknown as ReasoningDetail;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Reads the spellings of model servers: `reasoning_content`, `reasoning`, `thinking` as texts, and `reasoning_details`. */
export function reasoningOf(message: Delta): Reasoning {
  const listed: unknown = message['reasoning_details'];
  const details = Array.isArray(listed) ? listed.filter(isDetail).map(readDetail) : [];
  if (details.length > 0) return { text: '', details };
  const text = [message['reasoning_content'], message['reasoning'], message['thinking']].find(isText);
  return text === undefined ? NOTHING : { text, details: [] };
}

/** The message with its reasoning in one spelling that says which model made it; the same where there is none. */
export function withOwnedReasoning<T extends Delta>(message: T, model: string): T {
  const { text, details } = reasoningOf(message);
  if (text === '' && details.length === 0) return message;
  const { reasoning_content: _c, reasoning: _r, thinking: _t, reasoning_details: _d, ...rest } = message;
  const all: ReasoningDetail[] = text === '' ? [...details] : [{ type: 'reasoning.text', text }];
  return { ...rest, reasoning_details: all.map((detail) => ({ ...detail, model })) } as unknown as T;
}

const ORIGIN = 'hlr1.';

/**
 * An opaque text for what only the model that made it may see again (signatures of thinking, encrypted reasoning): callers send
 * it back with the conversation, and the model is known by it.
 *
 * @param payload JSON
 */
export const sealOrigin = (model: string, payload: unknown): string =>
  ORIGIN + Buffer.from(JSON.stringify([model, payload])).toString('base64url');

/** Longer than any thinking, which open models have sealed as text, characters. */
const LONGEST_SEAL = 1_048_576;
/** Characters of JSON that a seal has at least for each object, and for each member of one. */
const OBJECT_CHARACTERS = 24;
const MEMBER_CHARACTERS = 12;
/** Of a short one. */
const FEW = 8;

/**
 * Says who made something, as far as its caller tells the truth: a seal is a label that anybody can write, and proves nothing.
 * It stands inside a text, where the limits of bodies do not look, so it has its own: many small objects take long to read.
 *
 * @returns `null` for a text that is no seal, or one that nothing here would make: too long, too deep, of too many parts;
 *   else of each object what is text, and its `index`
 */
export function openOrigin(text: string): { readonly model: string; readonly payload: unknown } | null {
  if (!text.startsWith(ORIGIN) || text.length > LONGEST_SEAL) return null;
  const json = Buffer.from(text.slice(ORIGIN.length), 'base64url').toString('utf8');
  if (!isPlausible(json)) return null;
  const value = readableJson(json);
  if (!Array.isArray(value) || typeof value[0] !== 'string') return null;
  const payload: unknown = value[1];
  return {
    model: value[0],
    payload: Array.isArray(payload) ? payload.filter(isFields).map(textsOf) : textsOf(payload),
  };
}

function isPlausible(json: string): boolean {
  const members = FEW + json.length / MEMBER_CHARACTERS;
  const most = { depth: FEW, containers: FEW + json.length / OBJECT_CHARACTERS, fields: members, commas: members };
  const found = outlineOf(json, 0, json.length, most);
  return (['depth', 'containers', 'fields', 'commas'] as const).every((count) => found[count] <= most[count]);
}

function textsOf(payload: unknown): unknown {
  if (!isFields(payload)) return payload;
  const texts: Fields = {};
  for (const name in payload) {
    const value = ownField(payload, name);
    if (typeof value === 'string' || (name === 'index' && typeof value === 'number')) setOwnField(texts, name, value);
  }
  return texts;
}

/** Of the model that a message, or each detail in it, is marked with; `null` = it has no mark. */
export const ownerOf = (detail: ReasoningDetail): string | null => {
  const model = ownField(detail, 'model');
  return typeof model === 'string' ? model : null;
};
