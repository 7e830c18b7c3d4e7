import { TextCodes } from '../../common/text-codes.js';

const BLANK = 32;
const UNICODE_GAPS = /[^\p{L}\p{N}]+/gu;
const MARKS = /\p{M}+/gu;
const FIRST_SIZE = 8_192;

/** What an ASCII character is folded to: itself, its lower case, or a blank. */
const FOLDED = Uint8Array.from({ length: 128 }, (_, code) => {
  const lower = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(lower) ? lower.charCodeAt(0) : BLANK;
});
const C = 'c'.charCodeAt(0);
const PLUS = '+'.charCodeAt(0);
const HASH = '#'.charCodeAt(0);
const codesOf = (text: string): readonly number[] => [...text].map((letter) => letter.charCodeAt(0));
const PP = codesOf('pp');
const SHARP = codesOf('sharp');
/** "c#" becomes "csharp". */
const MOST_GROWTH = 3;

/** What stands in place of the signs after a `c`: "c++" is "cpp", "c#" is "csharp". */
function nameAfterC(code: number, next: number): readonly number[] | null {
  if (code === HASH) return SHARP;
  return code === PLUS && next === PLUS ? PP : null;
}

/** Han and kana: scripts without spaces, where a phrase may begin and end anywhere. */
export const isUnspacedScript = (code: number): boolean =>
  (code >= 0x3040 && code <= 0x30ff) || (code >= 0x3400 && code <= 0x9fff);

/** Chinese averages about 1.6 characters a word. */
const HAN_CHARACTERS_PER_WORD = 1.6;

/**
 * A text in lower case, without accents, with every run of anything but letters and digits made one blank, and a blank at
 * both ends: so case, spacing, punctuation and full-width forms cannot change a decision, and a word boundary is a blank.
 * Holds one text at a time.
 */
export class FoldedText {
  /** UTF-16 codes; those from `length` on belong to earlier texts. */
  codes = new Uint16Array(FIRST_SIZE);
  length = 0;
  /** In scripts without spaces, what they would come to. */
  words = 0;
  private readonly source = new TextCodes();

  /** What stands between blanks, in every script. */
  get pieces(): number {
    let pieces = 0;
    for (let i = 1; i < this.length; i += 1) {
      if (this.codes[i] === BLANK && this.codes[i - 1] !== BLANK) pieces += 1;
    }
    return pieces;
  }

  /** Reads a text in place of the one before. */
  read(text: string): this {
    if (!this.readAscii(text)) this.readAny(text);
    return this;
  }

  /** One pass. @returns false at the first character that is not in ASCII */
  private readAscii(text: string): boolean {
    this.source.read(text);
    this.makeRoom(text.length * MOST_GROWTH + 2);
    const { codes } = this;
    const { codes: from, length } = this.source;
    let end = 0;
    let words = 0;
    let before = (codes[end++] = BLANK);
    for (let i = 0; i < length; i += 1) {
      const code = from[i]!;
      if (code > 127) return false;
      const folded = FOLDED[code]!;
      if (folded === BLANK) {
        if (before === BLANK) continue;
        const name = before === C ? nameAfterC(code, i + 1 < length ? from[i + 1]! : BLANK) : null;
        if (name) {
          for (const letter of name) codes[end++] = before = letter;
          if (code === PLUS) i += 1;
          continue;
        }
      } else if (before === BLANK) words += 1;
      codes[end++] = before = folded;
    }
    if (end === 1 || before !== BLANK) codes[end++] = BLANK;
    this.length = end;
    this.words = words;
    return true;
  }

  private readAny(text: string): void {
    const lower = text.toLowerCase().replaceAll('c++', 'cpp').replaceAll('c#', 'csharp');
    const folded = ` ${lower.normalize('NFKD').replace(MARKS, '').replace(UNICODE_GAPS, ' ').trim()} `;
    this.makeRoom(folded.length);
    let spaced = 0;
    let unspaced = 0;
    let before = BLANK;
    for (let i = 0; i < folded.length; i += 1) {
      const code = folded.charCodeAt(i);
      if (isUnspacedScript(code)) unspaced += 1;
      else if (code !== BLANK && (before === BLANK || isUnspacedScript(before))) spaced += 1;
      this.codes[i] = before = code;
    }
    this.length = folded.length;
    this.words = spaced + Math.ceil(unspaced / HAN_CHARACTERS_PER_WORD);
  }

  private makeRoom(size: number): void {
    if (size > this.codes.length) this.codes = new Uint16Array(size * 2);
  }
}
