/**
 * Text as a reader sees it, so that what is looked for cannot be written in another way: full-width and mathematical
 * forms, digits of other scripts, dashes and blanks of all kinds in ASCII; invisible characters gone; the escapes of JSON,
 * URLs and HTML resolved. One pass, each character looked at once.
 */

import { isAlphanumeric } from './character-class.js';

const VEILED = /[\\%&\u0080-\uffff]/;
const GONE = 0xffff;
/** What each UTF-16 unit stands for; filled as characters are met, as few of them ever are. */
// 0 = not met yet
const folded = new Uint16Array(0x10000);
/** Unicode's Default_Ignorable_Code_Point and format characters: zero-width, soft hyphen, bidi marks. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/u;
const DASH = /[\p{Pd}\u2212\u2043\u02d7]/u;
const BLANK = /[^\S\n]/;
const DECIMAL = /\p{Nd}/u;

const ENTITIES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...{ amp: 38, commat: 64, period: 46, plus: 43, hyphen: 45, dash: 45, ndash: 45, mdash: 45, colon: 58, num: 35 },
    ...{ lpar: 40, rpar: 41, sol: 47, quot: 34, apos: 39, lt: 60, gt: 62, nbsp: 32, ensp: 32, emsp: 32, lowbar: 95 },
    ...{ shy: GONE, zwj: GONE, zwnj: GONE, lrm: GONE, rlm: GONE, ZeroWidthSpace: GONE },
  }),
);
const LONGEST_ENTITY = 16;

function foldUnit(code: number): number {
  const character = String.fromCharCode(code);
  if (INVISIBLE.test(character)) return GONE;
  if (BLANK.test(character)) return 32;
  if (DASH.test(character)) return 45;
  const plain = character.normalize('NFKC');
  if (plain.length === 1 && plain !== character) return foldUnit(plain.charCodeAt(0));
  return DECIMAL.test(character) && code > 57 ? 48 + decimalValue(code) : code;
}

/** Every script's digits stand ten in a row, from 0 to 9 (Unicode, section 4.6). */
function decimalValue(code: number): number {
  let first = code;
  while (code - first < 9 && DECIMAL.test(String.fromCharCode(first - 1))) first -= 1;
  return (code - first) % 10;
}

const fold = (code: number): number => folded[code] || (folded[code] = foldUnit(code));

/** Value of a hexadecimal digit, or -1. */
function hex(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** `count` hexadecimal digits from `at`, or -1. */
function hexAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i += 1) {
    const digit = hex(text.charCodeAt(i));
    if (!(digit >= 0)) return -1;
    value = value * 16 + digit;
  }
  return value;
}

class Unveiling {
  private readonly out: Uint16Array;
  private length = 0;

  constructor(private readonly text: string) {
    this.out = new Uint16Array(text.length);
  }

  result(): string {
    const { text } = this;
    for (let i = 0; i < text.length;) {
      const code = text.charCodeAt(i);
      if (code === 92) i = this.backslash(i);
      else if (code === 37) i = this.percent(i);
      else if (code === 38) i = this.entity(i);
      else if (code >= 0xd800 && code < 0xdc00) i = this.pair(i, code);
      else if (code === 0x3002 || code === 0xff61) i = this.put(this.isDot(i) ? 46 : code, i + 1);
      else i = this.put(code, i + 1);
    }
    return Buffer.from(this.out.buffer, 0, this.length * 2).toString('utf16le');
  }

  /** Whether the full stop of Chinese and Japanese here is one between the parts of a name (RFC 3490 section 3.1). */
  private isDot(at: number): boolean {
    return isAlphanumeric(this.text.charCodeAt(at - 1)) && isAlphanumeric(this.text.charCodeAt(at + 1));
  }

  /** @returns `next`, where reading goes on */
  private put(code: number, next: number): number {
    const plain = code < 128 ? code : fold(code);
    if (plain !== GONE) this.out[this.length++] = plain;
    return next;
  }

  /** JSON and JavaScript (RFC 8259 section 7), also when it was escaped more than once. */
  private backslash(start: number): number {
    const { text } = this;
    let at = start + 1;
    while (text.charCodeAt(at) === 92) at += 1;
    const kind = text.charCodeAt(at);
    if (kind === 110 || kind === 114 || kind === 116) return this.put(kind === 116 ? 32 : 10, at + 1);
    const digits = kind === 117 ? 4 : kind === 120 ? 2 : 0;
    const code = digits > 0 ? hexAt(text, at + 1, digits) : -1;
    return code > 0 ? this.put(code, at + 1 + digits) : at;
  }

  /** URLs (RFC 3986 section 2.1), also when `%` itself was encoded; UTF-8 of two and three bytes. */
  private percent(start: number): number {
    let at = start + 1;
    while (this.text.startsWith('25', at)) at += 2;
    const byte = hexAt(this.text, at, 2);
    if (byte >= 32 && byte < 127) return this.put(byte, at + 2);
    const more = byte >= 0xe0 && byte < 0xf0 ? 2 : byte >= 0xc2 && byte < 0xe0 ? 1 : 0;
    if (more === 0) return this.put(37, start + 1);
    let code = byte & (more === 2 ? 0x0f : 0x1f);
    for (let k = 1; k <= more; k += 1) {
      const next = this.text.charCodeAt(at + 3 * k - 1) === 37 ? hexAt(this.text, at + 3 * k, 2) : -1;
      if (next < 0) return this.put(37, start + 1);
      code = (code << 6) | (next & 0x3f);
    }
    return this.put(code, at + 3 * more + 2);
  }

  /** Character references of HTML that stand for characters looked for, or for nothing to be seen. */
  private entity(start: number): number {
    const end = this.entityEnd(start);
    if (end < 0) return this.put(38, start + 1);
    const name = this.text.slice(start + 1, end);
    const code = name.startsWith('#') ? numericReference(name) : (ENTITIES.get(name) ?? -1);
    if (!(code > 0 && code <= GONE)) return this.put(38, start + 1);
    return code === GONE ? end + 1 : this.put(code, end + 1);
  }

  private entityEnd(start: number): number {
    for (let at = start + 1; at < start + LONGEST_ENTITY; at += 1) {
      const code = this.text.charCodeAt(at);
      if (code === 59) return at > start + 2 ? at : -1;
      if (!(code === 35 || (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 122))) return -1;
    }
    return -1;
  }

  /** Mathematical letters and digits (U+1D400 to U+1D7FF); tags, which nobody sees (U+E0000 to U+E007F). */
  private pair(at: number, high: number): number {
    const low = this.text.charCodeAt(at + 1);
    if (high === 0xd835 && low >= 0xdc00 && low <= 0xdfff) {
      return this.put(String.fromCharCode(high, low).normalize('NFKC').charCodeAt(0), at + 2);
    }
    if (high === 0xdb40 && low >= 0xdc00 && low <= 0xdfff) return at + 2;
    this.out[this.length++] = high;
    return at + 1;
  }
}

function numericReference(name: string): number {
  const isHex = name.charAt(1) === 'x' || name.charAt(1) === 'X';
  return Number(isHex ? `0x${name.slice(2)}` : name.slice(1));
}

/** The text in its plainest form; the same string where there is nothing to unveil. */
export const unveiled = (text: string): string => (VEILED.test(text) ? new Unveiling(text).result() : text);
