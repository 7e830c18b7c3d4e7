/** Text inside text: what base64 in a string holds, as a file of its own (RFC 2397) or in running text. */

import { isUtf8 } from 'node:buffer';

/** Bit 1: a character of base64 or base64url (RFC 4648); bit 2: a capital; bit 3: a small letter. */
const BASE64 = new Uint8Array(128).map((_, code) => {
  const character = String.fromCharCode(code);
  const kind = /[A-Z]/.test(character) ? 2 : /[a-z]/.test(character) ? 4 : 0;
  return /[\w+/-]/.test(character) ? kind | 1 : 0;
});
/** Four times as fast on a picture as a look at each character. */
const NOT_BASE64 = /[^\w+/-]/g;
const LINE_END = 10;
const CARRIAGE_RETURN = 13;
/** Lines of base64 are 64 or 76 characters long (RFC 7468, RFC 2045); shorter ones are words above one another. */
const SHORTEST_LINE = 40;

/** Where the base64 that begins here ends, also over lines. */
export function base64End(text: string, start: number): number {
  let at = start;
  for (let line = start; ; line = at) {
    NOT_BASE64.lastIndex = at;
    at = NOT_BASE64.exec(text)?.index ?? text.length;
    if (at - line < SHORTEST_LINE) return at;
    const next = at + (text.charCodeAt(at) === CARRIAGE_RETURN ? 2 : 1);
    if (text.charCodeAt(next - 1) !== LINE_END || !BASE64[text.charCodeAt(next)]) return at;
    at = next;
  }
}

const SHORTEST_TEXT = 24;
const BOTH_CASES = 7;

/** Whether a word is long enough for base64 of a text, and has large and small letters, which a hash has not. */
export function mayBeEncoded(text: string, start: number, end: number): boolean {
  if (end - start < SHORTEST_TEXT) return false;
  let kinds = 0;
  for (let at = start; at < start + SHORTEST_TEXT; at += 1) kinds |= BASE64[text.charCodeAt(at)] ?? 0;
  return kinds === BOTH_CASES;
}

/** Behind `;base64,` it is a file whatever its length; what stands in front says of what type. */
const FILE_REACH = 300;
const MEDIA = /data:(?:image|audio|video)\/[\w.+-]+(?:;[^;]{0,100}){0,4};$/i;

/** Whether the base64 that begins behind this word is that of a file: `data:text/plain;base64,`. */
export const isFileMark = (text: string, word: number): boolean => /^;base64,$/i.test(text.slice(word - 1, word + 7));

/** Whether it is called a picture, sound or video. @param word the `base64` in front of it */
export const isMedia = (text: string, word: number): boolean =>
  MEDIA.test(text.slice(Math.max(0, word - FILE_REACH), word));

const MEDIA_URL = /^data:(?:image|audio|video)\/[\w.+-]+;base64,/i;

/** Whether a string is a picture, sound or video and nothing else, so that it need not be read. */
export function isMediaUrl(text: string): boolean {
  const start = MEDIA_URL.exec(text)?.[0].length;
  if (start === undefined) return false;
  const end = base64End(text, start);
  return /^={0,2}$/.test(text.slice(end, end + 3)) && end > start && decodedText(text.slice(start, end)) === null;
}

/** How PDF, ZIP with the files of Office, its older files and gzip begin, in base64. */
const DOCUMENT = /(?:JVBERi|UEsDB|0M8R4K|H4sI)/y;

/** Whether base64 holds a document that has text but cannot be read as one. */
export function isDocumentAt(text: string, start: number): boolean {
  DOCUMENT.lastIndex = start;
  return DOCUMENT.test(text);
}

/** Characters of base64 that are looked at before it is taken for text; a multiple of 4. */
const SAMPLE = 512;
const CONTROL = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/;
/** A text of one byte a character has more of ASCII than of anything else. */
const MOST_HIGH_BYTES = 0.3;
const NUL = 0;

/** What base64 holds, if it is text: in UTF-8, UTF-16 or one byte a character; else `null`. */
export function decodedText(base64: string): string | null {
  const encoding = encodingOf(Buffer.from(base64.slice(0, SAMPLE), 'base64'));
  if (encoding === null) return null;
  const bytes = Buffer.from(base64, 'base64');
  if (encoding === 'utf16be')
    return bytes
      .subarray(0, bytes.length & ~1)
      .swap16()
      .toString('utf16le');
  if (encoding === 'utf16le') return bytes.toString('utf16le');
  if (bytes.includes(NUL)) return null;
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return highBytes(bytes) <= MOST_HIGH_BYTES * bytes.length ? bytes.toString('latin1') : null;
}

function encodingOf(sample: Buffer): 'bytes' | 'utf16le' | 'utf16be' | null {
  if (sample.length < 2) return 'bytes';
  const [first, second] = sample;
  if (first === 0xff && second === 0xfe) return 'utf16le';
  if (first === 0xfe && second === 0xff) return 'utf16be';
  const nuls = [0, 0];
  for (let i = 0; i < sample.length; i += 1) if (sample[i] === NUL) nuls[i % 2]! += 1;
  const [even = 0, odd = 0] = nuls;
  if (!CONTROL.test(sample.toString('latin1'))) return 'bytes';
  // UTF-16 of Latin letters: every other byte is nothing
  const isEvery = even + odd > sample.length / 4 && (even === 0 || odd === 0);
  if (!isEvery || CONTROL.test(sample.toString('latin1').replaceAll('\0', ''))) return null;
  return odd > 0 ? 'utf16le' : 'utf16be';
}

function highBytes(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte > 127) count += 1;
  return count;
}
