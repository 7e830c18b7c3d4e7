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
  private readonly plain = new PlainPrompt();
  private readonly options = new OptionCounter();

  /** Reads a prompt; linear in its length, which `PlainPrompt` bounds. Never throws, whatever the text is. */
  read(prompt: Prompt): void {
    this.seen.fill(0);
    this.shape.fill(0);
    this.options.reset();
    this.readCharacters(this.plain.read(prompt));
    this.finish();
  }

  /** One loop with its counts in local variables, as fields would make it half as slow again. */
  private readCharacters({ codes, start, end, lowering }: PlainPrompt): void {
    const { grams, seen, shape, options } = this;
    const group = lowering * 0x01010101;
    let count = 0;
    let words = 0;
    let distinct = 0;
    let letters = 0;
    let long = 0;
    let foreign = 0;
    let previous = 0;
    for (let i = start; i < end;) {
      const from = i;
      const kind = classOf(codes[i]!);
      let word = FNV_OFFSET;
      if (kind === LETTER) {
        do {
          const code = codes[i]!;
          word = Math.imul(word ^ (code | lowering), FNV_PRIME);
          if (i - from >= 3) count = addGram(fourLetters(codes, i, group), grams, count, seen);
          if (code > 127) foreign += 1;
          i += 1;
        } while (i < end && isLetterAfter(codes[i]!));
        letters += i - from;
        if (i - from >= 8) long += 1;
      } else if (kind === DIGIT) {
        do i += 1;
        while (i < end && isDigit(codes[i]!));
        // numbers differ from text to text, so only their length counts
        word = NUMBER_HASH + Math.min(i - from, 6);
        this.readNumber(from, i - from);
      } else {
        if (kind === OTHER) this.readSign(codes[i]!);
        i += 1;
        continue;
      }
      const before = count;
      count = addGram(word, grams, count, seen);
      words += 1;
      distinct += count - before;
      count = addGram(Math.imul(previous, 0x9e3779b1) ^ Math.imul(word, 0x85ebca6b), grams, count, seen);
      previous = word;
      options.solid += i - from;
      if (kind === LETTER && i - from === 1) this.readLetter(from);
    }
    this.gramCount = count;
    shape[COLUMN.words] = words;
    shape[COLUMN.distinct_words] = distinct;
    shape[COLUMN.word_length] = letters;
    shape[COLUMN.long_words] = long;
    shape[COLUMN.foreign_letters] = foreign;
  }

  /** A word of one letter: an option, when it has a mark behind it and nothing before. "A." is one, "U.S.A." has none. */
  private readLetter(at: number): void {
    const { codes, start, end, lowering } = this.plain;
    this.shape[COLUMN.single_letters]! += 1;
    const mark = at + 1 < end ? codes[at + 1]! : 0;
    if (mark !== 46 && mark !== 41 && mark !== 58) return;
    if (at === start || codes[at - 1]! <= 32 || codes[at - 1] === 40) this.options.mark((codes[at]! | lowering) - 97);
  }

  private readNumber(from: number, length: number): void {
    const { codes, start } = this.plain;
    const { shape, options } = this;
    options.digits += length;
    shape[COLUMN.numbers]! += 1;
    if (length >= 3) shape[COLUMN.large_numbers]! += 1;
    if (from - start > 1 && codes[from - 1] === 46 && isDigit(codes[from - 2]!)) shape[COLUMN.decimals]! += 1;
  }

  private readSign(code: number): void {
    this.options.solid += 1;
    const column = code < 128 ? SIGN_COLUMNS[code]! : COLUMN.math_signs;
    if (column >= 0) this.shape[column]! += 1;
  }

  /** Makes shares of what was counted. */
  private finish(): void {
    const { shape, options } = this;
    options.end();
    const words = Math.max(1, shape[COLUMN.words]!);
    shape[COLUMN.word_length]! /= Math.max(1, words - shape[COLUMN.numbers]!);
    shape[COLUMN.long_words]! /= words;
    shape[COLUMN.distinct_words]! /= words;
    shape[COLUMN.characters] = options.solid;
    shape[COLUMN.digits_share] = options.digits / Math.max(1, options.solid);
    shape[COLUMN.options] = options.options;
    shape[COLUMN.question_characters] = options.questionLength;
    shape[COLUMN.option_characters] = options.totalLength;
    shape[COLUMN.longest_option] = options.longest;
    shape[COLUMN.numeric_options] = options.numeric / Math.max(1, options.options);
  }
}

/** @returns how many grams there are now: one more when the bucket is new in this prompt */
function addGram(hash: number, grams: Int32Array, count: number, seen: Int32Array): number {
  let bucket = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  bucket = (bucket ^ (bucket >>> 13)) & (BUCKETS - 1);
  const bits = seen[bucket >> 5]!;
  seen[bucket >> 5] = bits | (1 << bucket); // a shift looks at five bits of it
  // written in any case: a branch would be guessed wrong half of the time
  grams[count] = bucket;
  return count + (~(bits >> bucket) & 1);
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
