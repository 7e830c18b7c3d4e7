import { OptionCounter } from './option-counter.js';
import { plainPrompt } from './plain-prompt.js';
import { TextCodes } from '../../../common/text-codes.js';
import { at, SHAPE, type ShapeName } from './prompt-shape.js';

/** Hash buckets of words and letter groups; a power of two. */
export const BUCKETS = 1 << 15;
const MOST_GRAMS = 16_384;

/** FNV-1a, 32 bit (Fowler, Noll, Vo). */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const NUMBER_HASH = 0x9e37;
/** From here on scripts without spaces: each character is a word. */
const UNSPACED = 0x2e80;

const OTHER = 0;
const SPACE = 1;
const LETTER = 2;
const DIGIT = 3;
/** Character classes of ASCII after lower-casing. */
const CLASSES = new Uint8Array(128).map((_, code) => {
  if (code <= 32) return SPACE;
  if (code >= 97 && code <= 122) return LETTER;
  return code >= 48 && code <= 57 ? DIGIT : OTHER;
});

/** What one pass over a prompt found. The arrays are reused by the next scan. */
export class PromptScan {
  /** Distinct buckets of words, word pairs and groups of four letters. */
  readonly grams = new Int32Array(MOST_GRAMS);
  gramCount = 0;
  readonly shape = new Float32Array(SHAPE.length);
  private readonly seen = new Uint32Array(BUCKETS);
  private generation = 0;
  private previousWord = 0;
  private readonly options = new OptionCounter();
  private readonly source = new TextCodes();

  /** Reads a prompt; linear in its length, which `plainPrompt` bounds. Never throws, whatever the text is. */
  read(text: string): void {
    this.generation = (this.generation + 1) >>> 0 || 1;
    this.gramCount = 0;
    this.shape.fill(0);
    this.source.read(`${plainPrompt(text)} `); // the blank ends the last word
    this.readCharacters(this.source);
    this.finish();
  }

  private readCharacters({ codes, length: end }: TextCodes): void {
    const { shape } = this;
    let kind = SPACE;
    let hash = 0;
    let length = 0;
    this.options.reset();
    this.previousWord = 0;
    let solid = 0; // characters that are not white space
    for (let i = 0; i < end; i += 1) {
      const code = codes[i]!;
      const next = code < 128 ? CLASSES[code]! : classOfForeign(code);
      if (next !== kind || (code >= UNSPACED && next === LETTER)) {
        if (kind === LETTER || kind === DIGIT) {
          // numbers differ from text to text, so only their length counts
          this.endWord(kind === DIGIT ? NUMBER_HASH + Math.min(length, 6) : hash, kind, length);
          if (kind === LETTER && length === 1) this.options.letter(codes, i, solid, shape);
        }
        hash = FNV_OFFSET;
        length = 0;
        kind = next;
      }
      if (next === SPACE) continue;
      solid += 1;
      if (next === LETTER) {
        hash = Math.imul(hash ^ code, FNV_PRIME);
        length += 1;
        if (length >= 4) this.addGram(fourLetters(codes, i));
        if (code > 127) shape[at.foreign_letters]! += 1;
      } else if (next === DIGIT) {
        length += 1;
        this.options.digits += 1;
        shape[at.digits_share]! += 1;
        if (length === 1 && followsPoint(codes, i)) shape[at.decimals]! += 1;
      } else countSign(shape, code);
    }
    this.options.end(solid, shape);
    shape[at.characters] = solid;
  }

  private endWord(word: number, kind: number, length: number): void {
    const shape = this.shape;
    shape[at.words]! += 1;
    if (kind === DIGIT) {
      shape[at.numbers]! += 1;
      if (length >= 3) shape[at.large_numbers]! += 1;
    } else {
      shape[at.word_length]! += length;
      if (length >= 8) shape[at.long_words]! += 1;
      if (length === 1) shape[at.single_letters]! += 1;
    }
    if (this.addGram(word)) shape[at.distinct_words]! += 1;
    this.addGram(Math.imul(this.previousWord, 0x9e3779b1) ^ Math.imul(word, 0x85ebca6b));
    this.previousWord = word;
  }

  /** @returns whether the bucket is new in this prompt */
  private addGram(hash: number): boolean {
    let mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    mixed = (mixed ^ (mixed >>> 13)) & (BUCKETS - 1);
    if (this.seen[mixed] === this.generation) return false;
    this.seen[mixed] = this.generation;
    if (this.gramCount < MOST_GRAMS) this.grams[this.gramCount++] = mixed;
    return true;
  }

  private finish(): void {
    const s = this.shape;
    const words = Math.max(1, s[at.words]!);
    s[at.word_length]! /= Math.max(1, words - s[at.numbers]!);
    s[at.long_words]! /= words;
    s[at.distinct_words]! /= words;
    s[at.digits_share]! /= Math.max(1, s[at.characters]!);
    s[at.numeric_options]! /= Math.max(1, s[at.options]!);
  }
}

const fourLetters = (codes: Uint16Array, i: number): number =>
  Math.imul(codes[i - 3]! | (codes[i - 2]! << 8) | (codes[i - 1]! << 16) | (codes[i]! << 24), 0x27d4eb2f) ^ 0x5bd1e995;

/** CJK and other letters beyond ASCII count as letters, the rest as signs. */
const classOfForeign = (code: number): number =>
  code === 0xa0 || (code >= 0x2000 && code <= 0x200b) || code === 0x3000
    ? SPACE
    : (code >= 0xc0 && code < 0x2000) || code >= 0x2e80
      ? LETTER
      : OTHER;

const followsPoint = (codes: Uint16Array, i: number): boolean => i > 1 && codes[i - 1] === 46 && isDigit(codes[i - 2]!);

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

const SIGN_COLUMNS = new Int8Array(128).fill(-1);
const sign = (name: ShapeName, characters: string) => {
  for (const character of characters) SIGN_COLUMNS[character.charCodeAt(0)] = at[name];
};
sign('sentences', '.!');
sign('question_marks', '?');
sign('commas', ',');
sign('math_signs', '+*/^<>');
sign('equals_signs', '=');
sign('latex_signs', '\\');
sign('brackets', '()');
sign('code_signs', '{}[];`');
sign('quotes', '"\'');
sign('money', '$');
sign('percent', '%');
sign('blanks', '_');
sign('bars', '|');
sign('hyphens', '-');

function countSign(shape: Float32Array, code: number): void {
  const column = code < 128 ? SIGN_COLUMNS[code]! : at.math_signs;
  if (column >= 0) shape[column]! += 1;
}
