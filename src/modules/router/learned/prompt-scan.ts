import type { Prompt } from '../prompt.js';
import { OptionCounter } from './option-counter.js';
import { PlainPrompt } from './plain-prompt.js';

/** Hash buckets of words and letter groups; a power of two. */
export const BUCKETS = 1 << 15;
const MOST_GRAMS = 16_384;

/**
 * Columns of the counts that do not depend on vocabulary; the artefact stores them by number. A literal: V8 keeps an
 * object made by `Object.fromEntries` as a dictionary, and code optimised for it is thrown away again and again.
 */
const COLUMN = {
  characters: 0,
  words: 1,
  word_length: 2,
  long_words: 3,
  distinct_words: 4,
  numbers: 5,
  large_numbers: 6,
  decimals: 7,
  digits_share: 8,
  options: 9,
  question_characters: 10,
  option_characters: 11,
  numeric_options: 12,
  longest_option: 13,
  sentences: 14,
  question_marks: 15,
  commas: 16,
  math_signs: 17,
  equals_signs: 18,
  latex_signs: 19,
  brackets: 20,
  code_signs: 21,
  quotes: 22,
  money: 23,
  percent: 24,
  blanks: 25,
  bars: 26,
  foreign_letters: 27,
  single_letters: 28,
  hyphens: 29,
} as const;
type ShapeName = keyof typeof COLUMN;
/** Names of the columns, in their order. */
export const SHAPE = Object.keys(COLUMN) as ShapeName[];

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
const CLASSES = new Uint8Array(128).map((_, code) => {
  if (code <= 32) return SPACE;
  if ((code | 32) >= 97 && (code | 32) <= 122) return LETTER;
  return code >= 48 && code <= 57 ? DIGIT : OTHER;
});

/** What one pass over a prompt found. The arrays are reused by the next scan. */
export class PromptScan {
  /** Distinct buckets of words, word pairs and groups of four letters. */
  readonly grams = new Int32Array(MOST_GRAMS);
  gramCount = 0;
  readonly shape = new Float32Array(SHAPE.length);
  /** A bit for each bucket that this prompt has. */
  private readonly seen = new Int32Array(BUCKETS / 32);
  private previousWord = 0;
  private readonly plain = new PlainPrompt();
  private readonly options = new OptionCounter();
  private words = 0;
  private distinct = 0;

  /** Reads a prompt; linear in its length, which `PlainPrompt` bounds. Never throws, whatever the text is. */
  read(prompt: Prompt): void {
    this.gramCount = this.previousWord = this.words = this.distinct = 0;
    this.seen.fill(0);
    this.shape.fill(0);
    this.options.reset();
    this.readCharacters(this.plain.read(prompt));
    this.finish();
  }

  private readCharacters({ codes, start, end }: PlainPrompt): void {
    const { options, shape } = this;
    for (let i = start; i < end;) {
      const code = codes[i]!;
      const kind = classOf(code);
      if (kind === LETTER) i = this.readWord(i);
      else if (kind === DIGIT) i = this.readNumber(i);
      else {
        if (kind === OTHER) {
          options.solid += 1;
          const sign = code < 128 ? SIGN_COLUMNS[code]! : COLUMN.math_signs;
          if (sign >= 0) shape[sign]! += 1;
        }
        i += 1;
      }
    }
    options.end();
  }

  /** @returns where the word ends that begins at `from` */
  private readWord(from: number): number {
    const { codes, end, lowering } = this.plain;
    const shape = this.shape;
    const group = lowering * 0x01010101;
    let hash = FNV_OFFSET;
    let i = from;
    do {
      const code = codes[i]!;
      hash = Math.imul(hash ^ (code | lowering), FNV_PRIME);
      if (i - from >= 3) this.addGram(fourLetters(codes, i, group));
      if (code > 127) shape[COLUMN.foreign_letters]! += 1;
      i += 1;
    } while (i < end && isLetterAfter(codes[i]!));
    const length = i - from;
    this.options.solid += length;
    shape[COLUMN.word_length]! += length;
    if (length >= 8) shape[COLUMN.long_words]! += 1;
    this.addWord(hash);
    if (length === 1) this.readLetter(from);
    return i;
  }

  /** A word of one letter: an option, when it has a mark behind it and nothing before. "A." is one, "U.S.A." has none. */
  private readLetter(at: number): void {
    const { codes, start, end, lowering } = this.plain;
    this.shape[COLUMN.single_letters]! += 1;
    const mark = at + 1 < end ? codes[at + 1]! : 0;
    if (mark !== 46 && mark !== 41 && mark !== 58) return;
    if (at === start || codes[at - 1]! <= 32 || codes[at - 1] === 40) this.options.mark((codes[at]! | lowering) - 97);
  }

  /** @returns where the digits end that begin at `from`; numbers differ from text to text, so only their length counts */
  private readNumber(from: number): number {
    const { codes, start, end } = this.plain;
    const shape = this.shape;
    let i = from + 1;
    while (i < end && isDigit(codes[i]!)) i += 1;
    const length = i - from;
    this.options.solid += length;
    this.options.digits += length;
    shape[COLUMN.numbers]! += 1;
    if (length >= 3) shape[COLUMN.large_numbers]! += 1;
    if (from - start > 1 && codes[from - 1] === 46 && isDigit(codes[from - 2]!)) shape[COLUMN.decimals]! += 1;
    this.addWord(NUMBER_HASH + Math.min(length, 6));
    return i;
  }

  private addWord(word: number): void {
    this.words += 1;
    this.distinct += this.addGram(word);
    this.addGram(Math.imul(this.previousWord, 0x9e3779b1) ^ Math.imul(word, 0x85ebca6b));
    this.previousWord = word;
  }

  /** @returns 1 when the bucket is new in this prompt, else 0 */
  private addGram(hash: number): number {
    const { seen } = this;
    let mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    mixed = (mixed ^ (mixed >>> 13)) & (BUCKETS - 1);
    const before = seen[mixed >> 5]!;
    const isNew = ~(before >> (mixed & 31)) & 1;
    seen[mixed >> 5] = before | (1 << (mixed & 31));
    // the place is written in any case: a branch would be guessed wrong half of the time
    this.grams[this.gramCount] = mixed;
    this.gramCount += isNew;
    return isNew;
  }

  private finish(): void {
    const { shape, words, options } = this;
    const most = Math.max(1, words);
    shape[COLUMN.characters] = options.solid;
    shape[COLUMN.words] = words;
    shape[COLUMN.word_length]! /= Math.max(1, most - shape[COLUMN.numbers]!);
    shape[COLUMN.long_words]! /= most;
    shape[COLUMN.distinct_words] = this.distinct / most;
    shape[COLUMN.digits_share] = options.digits / Math.max(1, options.solid);
    shape[COLUMN.options] = options.options;
    shape[COLUMN.question_characters] = options.questionLength;
    shape[COLUMN.option_characters] = options.totalLength;
    shape[COLUMN.longest_option] = options.longest;
    shape[COLUMN.numeric_options] = options.numeric / Math.max(1, options.options);
  }
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

const classOf = (code: number): number => (code < 128 ? CLASSES[code]! : classOfForeign(code));

/** Whether a letter goes on with the word before it. */
const isLetterAfter = (code: number): boolean =>
  code < 128 ? CLASSES[code] === LETTER : code < UNSPACED && classOfForeign(code) === LETTER;

/** CJK and other letters beyond ASCII count as letters, the rest as signs. */
const classOfForeign = (code: number): number =>
  code === 0xa0 || (code >= 0x2000 && code <= 0x200b) || code === 0x3000
    ? SPACE
    : (code >= 0xc0 && code < 0x2000) || code >= 0x2e80
      ? LETTER
      : OTHER;

const fourLetters = (codes: Uint16Array, i: number, lowering: number): number =>
  Math.imul(codes[i - 3]! | (codes[i - 2]! << 8) | (codes[i - 1]! << 16) | (codes[i]! << 24) | lowering, 0x27d4eb2f) ^
  0x5bd1e995;

const SIGN_COLUMNS = new Int8Array(128).fill(-1);
const sign = (name: ShapeName, characters: string) => {
  for (const character of characters) SIGN_COLUMNS[character.charCodeAt(0)] = COLUMN[name];
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
