import type { Delta } from './chat.js';
import { isFields, ownField } from './json/fields.js';
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

const isDetail = (value: unknown): value is ReasoningDetail => isFields(value) && TYPES.has(value['type']);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Reads the spellings of model servers: `reasoning_content`, `reasoning`, `thinking` as texts, and `reasoning_details`. */
export function reasoningOf(message: Delta): Reasoning {
  const listed: unknown = message['reasoning_details'];
  const details = Array.isArray(listed) ? listed.filter(isDetail) : [];
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

/** @returns `null` for a text that was not made here */
export function openOrigin(text: string): { readonly model: string; readonly payload: unknown } | null {
  if (!text.startsWith(ORIGIN)) return null;
  const value = readableJson(Buffer.from(text.slice(ORIGIN.length), 'base64url').toString('utf8'));
  if (!Array.isArray(value) || typeof value[0] !== 'string') return null;
  return { model: value[0], payload: value[1] as unknown };
}

/** Of the model that a message, or each detail in it, is marked with; `null` = it has no mark. */
export const ownerOf = (detail: ReasoningDetail): string | null => {
  const model = ownField(detail, 'model');
  return typeof model === 'string' ? model : null;
};
