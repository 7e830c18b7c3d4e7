import { isFields, ownField } from '../../common/json/fields.js';
import { readableJson } from '../../common/json/readable.js';

/**
 * A `custom` tool takes one text. Models of chat completions know functions alone, so such a tool goes to them as a
 * function with one string, `input`; what they send comes back out of the JSON text of its arguments.
 */
export const CUSTOM_PARAMETERS = {
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
  additionalProperties: false,
};

/** The arguments that say this text. */
export const argumentsOfInput = (input: string): string => JSON.stringify({ input });

const BEGINNING = /^\s*\{\s*"input"\s*:\s*"/;
/** What may still become the beginning. */
const MAY_BEGIN = /^\s*(?:\{\s*(?:"(?:i(?:n(?:p(?:u(?:t(?:"\s*(?::\s*)?)?)?)?)?)?)?)?)?$/;
const MOST_BEFORE_INPUT = 1_024;
/** An escape that is not whole yet, at the end (RFC 8259 section 7). */
const HALF_ESCAPE = /\\(?:u[0-9a-fA-F]{0,3})?$/;

/**
 * Takes the text of `{"input":"..."}` out of its JSON while that arrives in pieces. However it is split, what it gives out
 * adds up to the same.
 */
export class CustomInput {
  private state: 'before' | 'inside' | 'after' | 'other' = 'before';
  /** Not read yet; the whole of it where this is no such JSON. */
  private rest = '';
  private said = '';

  /** The part of the text that can be told by now; '' = nothing new. */
  add(piece: string): string {
    if (this.state === 'after') return '';
    this.rest += piece;
    if (this.state === 'before') this.begin();
    return this.state === 'inside' ? this.more() : '';
  }

  /** No more comes. @returns what is still to be told */
  end(): string {
    if (this.state === 'inside' || this.state === 'after') return '';
    const value = readableJson(this.rest);
    const input = isFields(value) ? ownField(value, 'input') : undefined;
    const left = typeof input === 'string' ? input : this.rest;
    this.state = 'after';
    this.said += left;
    return left;
  }

  /** All that was told. */
  get text(): string {
    return this.said;
  }

  private begin(): void {
    const opened = BEGINNING.exec(this.rest);
    if (opened && opened[0].length <= MOST_BEFORE_INPUT) {
      this.state = 'inside';
      this.rest = this.rest.slice(opened[0].length);
    } else if (opened || this.rest.length > MOST_BEFORE_INPUT || !MAY_BEGIN.test(this.rest)) this.state = 'other';
  }

  private more(): string {
    const end = endOfText(this.rest);
    const isWhole = end >= 0;
    let quoted = isWhole ? this.rest.slice(0, end) : this.rest;
    const half = isWhole ? null : HALF_ESCAPE.exec(evenBackslashesOff(quoted));
    if (half) quoted = quoted.slice(0, quoted.length - half[0].length);
    this.rest = this.rest.slice(quoted.length);
    if (isWhole) this.state = 'after';
    const piece = unquoted(quoted);
    this.said += piece;
    return piece;
  }
}

/** The text that whole arguments say. */
export function inputOfArguments(args: string): string {
  const input = new CustomInput();
  input.add(args);
  input.end();
  return input.text;
}

/** Where the quote stands that ends the string; -1 = not yet. */
function endOfText(text: string): number {
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') return at;
    if (char === '\\') at += 1;
  }
  return -1;
}

/** Escaped backslashes begin no escape; another character stands for each pair. */
const evenBackslashesOff = (text: string): string => text.replaceAll('\\\\', '..');

/** Line breaks that a model left as they are, which JSON does not allow, are meant as such; so is what is no escape. */
function unquoted(text: string): string {
  if (!/[\\\u0000-\u001f]/.test(text)) return text;
  const value = readableJson(`"${text.replace(/[\u0000-\u001f]/g, escaped)}"`);
  return typeof value === 'string' ? value : loosely(text);
}

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Each escape for itself. */
const loosely = (text: string): string =>
  text.replace(/\\(?:u[0-9a-fA-F]{4}|.)/gs, (escape) => {
    const value = readableJson(`"${escape}"`);
    return typeof value === 'string' ? value : escape;
  });
