import { TextCodes } from '../../../common/text-codes.js';

export const BLANK = 32;
const UNICODE_GAPS = /[^\p{L}\p{N}]+/gu;
const MARKS = /\p{M}+/gu;
const FIRST_SIZE = 8_192;

/** What a UTF-16 code is folded to: a code, one of the next two, or 0 as long as it has not been seen. */
const FOLDED = new Uint16Array(65_536);
const DROPPED = 1;
/** More than one code, or another one in other company: the whole text is folded by patterns. */
const SEVERAL = 2;
/** Its small form depends on where it stands. */
const SIGMA = 0x3a3;

function foldedCode(code: number): number {
  if (code === SIGMA) return SEVERAL;
  if (code >= 0xd800 && code <= 0xdfff) return isHalfOfEmoji(code) ? BLANK : SEVERAL;
  const folded = byPatterns(String.fromCharCode(code).toLowerCase());
  if (folded === '') return DROPPED;
  return folded.length === 1 ? folded.charCodeAt(0) : SEVERAL;
}

/** First halves of U+1F400 to U+1FBFF, where all are signs but the last ten, and second halves of all but these. */
const isHalfOfEmoji = (code: number): boolean =>
  code === 0xd83d || code === 0xd83e || (code >= 0xdc00 && (code < 0xdff0 || code > 0xdff9));

const byPatterns = (lower: string): string => lower.normalize('NFKD').replace(MARKS, '').replace(UNICODE_GAPS, ' ');

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

const isC = (code: number): boolean => code === 67 || code === 99;

/** Han and kana: scripts without spaces, where a phrase may begin and end anywhere. */
export const isUnspacedScript = (code: number): boolean =>
  code >= 0x3040 && (code <= 0x30ff || (code >= 0x3400 && code <= 0x9fff));

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
  private readonly own = new TextCodes();

  /** What stands between blanks, in every script. */
  get pieces(): number {
    let pieces = 0;
    for (let i = 1; i < this.length; i += 1) {
      if (this.codes[i] === BLANK && this.codes[i - 1] !== BLANK) pieces += 1;
    }
    return pieces;
  }

  /**
   * Reads a text in place of the one before.
   *
   * @param mostWords beyond which nobody looks: where `words` is more, the text has been read only so far
   */
  read(text: string, mostWords = Infinity): this {
    this.makeRoom(text.length * MOST_GROWTH + 2);
    if (!this.fold(this.own.read(text), mostWords)) this.take(byPatterns(named(text.toLowerCase())).trim());
    return this;
  }

  /** One pass. @returns false at the first character that needs patterns */
  private fold({ codes: from, length }: TextCodes, mostWords: number): boolean {
    const { codes } = this;
    let end = 0;
    let spaced = 0;
    let unspaced = 0;
    let before = (codes[end++] = BLANK);
    for (let i = 0; i < length; i += 1) {
      const code = from[i]!;
      const folded = FOLDED[code]! || (FOLDED[code] = foldedCode(code));
      if (folded === BLANK) {
        if (before === BLANK) continue;
        if ((code === PLUS || code === HASH) && i > 0 && isC(from[i - 1]!)) {
          const name = nameAfterC(code, i + 1 < length ? from[i + 1]! : BLANK);
          if (name) {
            for (const letter of name) codes[end++] = before = letter;
            if (code === PLUS) i += 1;
            continue;
          }
        }
      } else if (folded > SEVERAL) {
        if (isUnspacedScript(folded)) unspaced += 1;
        else if (before === BLANK || isUnspacedScript(before)) {
          spaced += 1;
          if (spaced > mostWords) break;
        }
      } else if (folded === DROPPED) continue;
      else return false;
      codes[end++] = before = folded;
    }
    if (end === 1 || before !== BLANK) codes[end++] = BLANK;
    this.length = end;
    this.words = spaced + Math.ceil(unspaced / HAN_CHARACTERS_PER_WORD);
    return true;
  }

  private take(folded: string): void {
    this.makeRoom(folded.length + 2);
    let spaced = 0;
    let unspaced = 0;
    let before = (this.codes[0] = BLANK);
    for (let i = 0; i < folded.length; i += 1) {
      const code = folded.charCodeAt(i);
      if (isUnspacedScript(code)) unspaced += 1;
      else if (code !== BLANK && (before === BLANK || isUnspacedScript(before))) spaced += 1;
      this.codes[i + 1] = before = code;
    }
    this.codes[folded.length + 1] = BLANK;
    this.length = folded.length + 2;
    this.words = spaced + Math.ceil(unspaced / HAN_CHARACTERS_PER_WORD);
  }

  private makeRoom(size: number): void {
    if (size > this.codes.length) this.codes = new Uint16Array(size * 2);
  }
}

const named = (lower: string): string => lower.replaceAll('c++', 'cpp').replaceAll('c#', 'csharp');
