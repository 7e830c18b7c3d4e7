import type { ChatMessage, ChatRequest, Completion, ContentPart } from './chat.js';
import { partsOf } from './chat.js';
import type { EmbeddingInput } from './embeddings.js';
import { ownField, type Fields } from './json/fields.js';
import { TextCodes } from './text-codes.js';

/** Tokens of role and separators around a message (OpenAI cookbook, "how to count tokens": 3 to 4). */
const TOKENS_PER_MESSAGE = 4;
/** An image without a known size: OpenAI's high-detail tile count of a 1024 x 1024 picture. */
const TOKENS_PER_IMAGE = 765;
/** 10 tokens a second at OpenAI, 32 at Gemini, and speech takes at least 2 kB a second in base64. */
const AUDIO_CHARACTERS_PER_TOKEN = 64;
/** Latin text averages 4 characters a token in the cl100k and o200k vocabularies. */
const LATIN_CHARACTERS_PER_TOKEN = 4;
const ONLY_LATIN = /^[\u0000-\u024f]*$/;

/** Tokens of a text. */
export type TextTokens = (text: string) => number;

/** Tokens a text will take, without a tokenizer: right within about a quarter for prose and code, in 1 us per kB. */
export function estimateTextTokens(text: string): number {
  if (ONLY_LATIN.test(text)) return Math.ceil(text.length / LATIN_CHARACTERS_PER_TOKEN);
  let dense = 0;
  for (let i = 0; i < text.length; i += 1) if (isDense(text.charCodeAt(i))) dense += 1;
  return Math.ceil(dense + (text.length - dense) / LATIN_CHARACTERS_PER_TOKEN);
}

/** Scripts without spaces between words cost about a token a character: Thai, Hangul, kana, Chinese characters. */
const isDense = (code: number): boolean =>
  (code >= 0x0e00 && code <= 0x0e7f) ||
  (code >= 0x1100 && code <= 0x11ff) ||
  (code >= 0x3040 && code <= 0x30ff) ||
  (code >= 0x3400 && code <= 0x9fff) ||
  (code >= 0xac00 && code <= 0xd7af);

/** Twelfths of a token. */
const LETTER = 3;
const SYMBOL = 6;
const WHOLE = 12;
const HALF_OF_A_PAIR = 18;
const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z\s]/.test(character)) return LETTER;
  return /\d/.test(character) ? WHOLE : SYMBOL;
});
/** Characters that are read at a time, whatever the text holds. */
const PIECE = 8_192;
const source = new TextCodes();

/**
 * The most that a text will take, for money that is set aside: as the estimate for words, and dearer for what
 * vocabularies have no pieces for: a token a digit and a character of other scripts, three an emoji.
 */
export function mostTextTokens(text: string): number {
  let twelfths = 0;
  for (let from = 0; from < text.length; from += PIECE) {
    source.read(text.length <= PIECE ? text : text.slice(from, from + PIECE));
    const { codes, length } = source;
    for (let i = 0; i < length; i += 1) {
      const code = codes[i]!;
      if (code < 128) twelfths += ASCII[code]!;
      else if (code < 0x250) twelfths += SYMBOL;
      else twelfths += code >= 0xd800 && code <= 0xdfff ? HALF_OF_A_PAIR : WHOLE;
    }
  }
  return Math.ceil(twelfths / WHOLE);
}

/** Tokens of one input of an embeddings request: of a text, or of tokens that are counted already. */
export const estimateInputTokens = (input: EmbeddingInput, ofText: TextTokens = estimateTextTokens): number =>
  typeof input === 'string' ? ofText(input) : input.length;

/** Tokens of a list of messages: texts, tool calls, names, images, audio, files, and what nobody here knows. */
export function estimateTokens(messages: readonly ChatMessage[], ofText: TextTokens = estimateTextTokens): number {
  let tokens = 0;
  for (const message of messages) {
    tokens += TOKENS_PER_MESSAGE;
    const { content } = message;
    if (typeof content === 'string') tokens += ofText(content);
    else for (const part of partsOf(message)) tokens += partTokens(part, ofText);
    // most messages have nothing else: no copy, no list
    for (const field in message) {
      if (field === 'role' || field === 'content') continue;
      const value = ownField(message, field);
      if (typeof value === 'string') tokens += ofText(value);
      else if (value !== null && value !== undefined) tokens += valueTokens(value, ofText);
    }
  }
  return tokens;
}

/** Fields that steer a model and are not read by it, or that `estimateTokens` counts. */
const NOT_READ = new Set(['model', 'messages', 'input', 'metadata', 'user', 'stream', 'stream_options', 'logit_bias']);
/** A text beside the messages that is shorter is the name of a setting, such as `reasoning_effort: "low"`. */
const SETTING_CHARACTERS = 64;

/**
 * Tokens of all that a request sends: its messages, and beside them tools, functions, the schema of an answer, a
 * prediction, and texts that only some servers know, such as a `chat_template` or a grammar.
 */
export function estimateRequestTokens(request: ChatRequest, ofText: TextTokens = estimateTextTokens): number {
  return estimateTokens(request.messages, ofText) + estimateBesideTokens(request, ofText);
}

/** Tokens of what a request has beside its messages or inputs. */
export function estimateBesideTokens(request: Readonly<Fields>, ofText: TextTokens = estimateTextTokens): number {
  let tokens = 0;
  for (const field in request) {
    const value = ownField(request, field);
    const isText = typeof value === 'string' && value.length > SETTING_CHARACTERS;
    const isRead = isText || (typeof value === 'object' && value !== null);
    if (isRead && !NOT_READ.has(field)) tokens += valueTokens(value, ofText);
  }
  return tokens;
}

/** The same text under the names that servers give it; one of them counts. */
const REASONING = new Set(['reasoning_content', 'reasoning', 'reasoning_details']);
/** Of an answer's message: names and numbers of things, and sound beside its transcript. */
const NOT_SAID = new Set(['role', 'id', 'type', 'index', 'format', 'data', 'expires_at', 'signature']);

const NONE: ReadonlySet<string> = new Set();

/** Tokens of an answer, as far as it has come: text, reasoning, refusals and tool calls of every choice. */
export function estimateAnswerTokens({ choices }: Completion): number {
  let tokens = 0;
  for (const { message } of choices ?? []) {
    if (!message) continue;
    let reasoned = false;
    for (const [field, value] of Object.entries(message)) {
      if (NOT_SAID.has(field) || (REASONING.has(field) && reasoned)) continue;
      const said = sumOfTexts(value, estimateTextTokens, NOT_SAID);
      tokens += said;
      if (REASONING.has(field) && said > 0) reasoned = true;
    }
  }
  return tokens;
}

/** What every text in a value counts, but for those of some fields. */
function sumOfTexts(value: unknown, ofText: TextTokens, without: ReadonlySet<string>): number {
  if (typeof value === 'string') return ofText(value);
  if (typeof value !== 'object' || value === null) return 0;
  let sum = 0;
  if (Array.isArray(value)) for (const item of value) sum += sumOfTexts(item, ofText, without);
  else
    for (const [field, inner] of Object.entries(value))
      if (!without.has(field)) sum += sumOfTexts(inner, ofText, without);
  return sum;
}

function partTokens(part: ContentPart, ofText: TextTokens): number {
  const { type, text, ...media } = part;
  const written = typeof text === 'string' ? ofText(text) : 0;
  if (type === 'text') return Object.keys(media).length === 0 ? written : written + valueTokens(media, ofText);
  if (String(type).includes('image')) return written + TOKENS_PER_IMAGE;
  if (String(type).includes('audio'))
    return written + Math.ceil(sumOfTexts(media, (data) => data.length, NONE) / AUDIO_CHARACTERS_PER_TOKEN);
  return written + valueTokens(media, ofText);
}

/** As JSON: every text, and a token for what stands around it. Bodies are at most 128 levels deep. */
function valueTokens(value: unknown, ofText: TextTokens): number {
  if (typeof value === 'string') return ofText(value);
  if (typeof value !== 'object' || value === null) return 1;
  let tokens = 1;
  if (Array.isArray(value)) {
    for (const item of value) tokens += valueTokens(item, ofText);
    return tokens;
  }
  for (const [field, inner] of Object.entries(value)) tokens += 1 + ofText(field) + valueTokens(inner, ofText);
  return tokens;
}

/** Share of a window that is kept free for an answer whose length nobody limited. */
const DEFAULT_ANSWER_SHARE = 8;
const LONGEST_DEFAULT_ANSWER = 1024;

type AnswerLimits = Pick<ChatRequest, 'max_tokens' | 'max_completion_tokens'>;

/**
 * What the caller lets the answer have; undefined: no limit, which local servers also write as -1. Of two limits the
 * larger: servers differ in which of them they read.
 */
export function tokensAskedFor({ max_completion_tokens: one, max_tokens: other }: AnswerLimits): number | undefined {
  if (one === -1 || other === -1) return undefined;
  const asked = Math.max(one ?? -1, other ?? -1);
  return asked === -1 ? undefined : asked;
}

/**
 * The room for an answer, tokens: what the caller allows, else an eighth of the window, at most 1,024. The one measure
 * for whether a target's window is large enough, for how much of a conversation goes in front, and for what is taken
 * from `tokensPerMinute`.
 *
 * @param window of the target; `null` = unknown, or not decided
 */
export function answerRoom(request: AnswerLimits, window: number | null): number {
  const share = window === null ? Infinity : Math.floor(window / DEFAULT_ANSWER_SHARE);
  return tokensAskedFor(request) ?? Math.min(LONGEST_DEFAULT_ANSWER, share);
}
