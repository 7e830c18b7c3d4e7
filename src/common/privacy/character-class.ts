/** Kinds of characters that the search for private text tells apart, by UTF-16 code; NaN (no character) is none. */

export const isDigit = (code: number): boolean => code >= 48 && code <= 57;
export const isAsciiLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
export const isAlphanumeric = (code: number): boolean => isDigit(code) || isAsciiLetter(code);
/** ASCII letters, digits and `_`. */
export const isWordCharacter = (code: number): boolean => isAlphanumeric(code) || code === 95;
/** Letters of any script, roughly: what is not ASCII, no sign of Latin-1 and no punctuation block. */
export const isAnyLetter = (code: number): boolean =>
  isAsciiLetter(code) ||
  (code >= 0xc0 && code < 0x2000) ||
  (code >= 0x2c00 && code < 0x3000) ||
  (code >= 0x3040 && code < 0xfe00);
/** Scripts without spaces between words. */
export const isEastAsian = (code: number): boolean => code >= 0x2e80 && code < 0xfe00;

/** What may stand between groups of digits: ` ( ) - . / _ ·` */
const isSeparator = (code: number): boolean =>
  code === 32 ||
  code === 45 ||
  code === 46 ||
  code === 47 ||
  code === 40 ||
  code === 41 ||
  code === 95 ||
  code === 0xb7;

const MOST_SEPARATORS = 3;

/** Where the next group of digits begins, at most three separators after `at`; -1 when none does. */
export function nextGroup(text: string, at: number): number {
  for (let i = at; i < at + MOST_SEPARATORS; i += 1) {
    if (!isSeparator(text.charCodeAt(i))) return -1;
    if (!isDigit(text.charCodeAt(i + 1))) continue;
    // a blank and a hyphen are the sign of a negative number
    return i > at && text.charCodeAt(i) === 45 && text.charCodeAt(i - 1) === 32 ? -1 : i + 1;
  }
  return -1;
}

/** As long as a string can be. */
const LONGEST_RUN = 0x3fffffff;

/** The end of the run of digits at `start`, looked for at most `most` characters further. */
export function digitsEnd(text: string, start: number, most = LONGEST_RUN): number {
  let end = start;
  while (end - start < most && isDigit(text.charCodeAt(end))) end += 1;
  return end;
}
