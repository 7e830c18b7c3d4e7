/** E-mail and IP addresses: told by their form. */

import { digitsEnd, isAlphanumeric, isAnyLetter, isAsciiLetter, isDigit, isWordCharacter } from './character-class.js';
import { isLabelled, VERSION_LABELS } from './label-words.js';

const DOT = 46;
const HYPHEN = 45;
const COLON = 58;

const DOMAIN_CHARACTERS = 255; // RFC 5321 section 4.5.3.1.2
const LABEL_CHARACTERS = 63; // RFC 1035 section 2.3.4
/** RFC 5322 atext besides letters and digits, and the quotation mark that ends a quoted local part. */
const LOCAL_SIGNS = new Uint8Array(128);
for (const sign of '!#$%&\'*+/=?^_`{|}~-"') LOCAL_SIGNS[sign.charCodeAt(0)] = 1;
/** Marks of double and triple resolution in file names: `logo@2x.png`. */
const RESOLUTION = /^\dx$/;
const SCP_LOCAL = 'git';

const isDomainCharacter = (code: number): boolean =>
  isAnyLetter(code) || isDigit(code) || code === HYPHEN || code === DOT;

/** Whether the `@` at this place is that of an e-mail address. */
export function isEmailAt(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  if (!(isAnyLetter(before) || isDigit(before) || LOCAL_SIGNS[before] === 1)) {
    // letters beyond the basic plane are pairs
    if (!(before >= 0xdc00 && before <= 0xdfff)) return false;
  }
  let end = at + 1;
  let dot = -1;
  for (; end - at <= DOMAIN_CHARACTERS && isDomainCharacter(text.charCodeAt(end)); end += 1) {
    if (text.charCodeAt(end) === DOT && isDomainCharacter(text.charCodeAt(end + 1))) dot = end;
  }
  // a quick no: the last part is a word
  if (dot < 0 || !isAnyLetter(text.charCodeAt(dot + 1)) || !isAnyLetter(text.charCodeAt(dot + 2))) return false;
  const labels = text
    .slice(at + 1, end)
    .replace(/[.-]+$/, '')
    .split('.');
  return isDomain(labels) && !isScp(text, at, end);
}

function isDomain(labels: readonly string[]): boolean {
  if (labels.length < 2 || labels.some((label) => label === '' || label.length > LABEL_CHARACTERS)) return false;
  const top = labels.at(-1)!;
  if (!/^(?:\p{L}{2,24}|xn--[a-z0-9-]{2,59})$/iu.test(top)) return false;
  // `pkg@1.2.tgz` is a version; of a domain at most one part is all digits (163.com)
  const numeric = labels.filter((label) => /^\d+$/.test(label)).length;
  return numeric < 2 && !RESOLUTION.test(labels[0]!);
}

/** `git@host:path` and `ssh://git@host/path`, addresses of a repository. */
const isScp = (text: string, at: number, end: number): boolean =>
  text.slice(at - SCP_LOCAL.length, at) === SCP_LOCAL &&
  !isWordCharacter(text.charCodeAt(at - SCP_LOCAL.length - 1)) &&
  (text.charCodeAt(end) === COLON || text.startsWith('//', at - SCP_LOCAL.length - 2));

/** `jane [at] example [dot] com`: written so that machines do not find it. Sticky; read from the bracket on. */
const SPELT_OUT = /[([{] ?at ?[)\]}] ?[\p{L}\p{N}-]{1,63}(?: ?[([{] ?dot ?[)\]}] ?|\.)\p{L}{2,24}/iuy;

/** Whether a bracket that begins here holds the `at` of an address. */
export function isSpeltOutEmailAt(text: string, bracket: number): boolean {
  const a = text.charCodeAt(bracket + 1) === 32 ? bracket + 2 : bracket + 1;
  if ((text.charCodeAt(a) | 32) !== 97 || (text.charCodeAt(a + 1) | 32) !== 116) return false;
  const before = text.charCodeAt(bracket - 1) === 32 ? text.charCodeAt(bracket - 2) : text.charCodeAt(bracket - 1);
  if (!isAnyLetter(before) && !isDigit(before)) return false;
  SPELT_OUT.lastIndex = bracket;
  return SPELT_OUT.test(text);
}

/** `jane at example dot com`. Sticky; read from `at` on. Domains that are no words: "at polka dot patterns". */
const SPOKEN =
  /at [\p{L}\p{N}-]{1,63} dot (?:com|org|net|edu|gov|info|co|io|ai|dev|app|eu|de|fr|es|nl|ch|uk|ca|jp|cn|ru|br|pl|se)(?![\p{L}\p{N}])/iuy;

/** Whether the word `at` here is that of an address that is spelt out. */
export function isSpokenEmailAt(text: string, at: number): boolean {
  if (text.charCodeAt(at - 1) !== 32) return false;
  SPOKEN.lastIndex = at;
  return SPOKEN.test(text);
}

const VERSION_REACH = 16;

/** An IPv4 address with valid octets that begins at `start` and is not called a version or a section. */
export function isIpv4At(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1);
  if (isWordCharacter(before) || before === DOT) return false;
  let at = start;
  for (let octet = 0; octet < 4; octet += 1) {
    if (octet > 0) {
      if (text.charCodeAt(at) !== DOT) return false;
      at += 1;
    }
    const end = digitsEnd(text, at, 4);
    const length = end - at;
    if (length === 0 || length > 3 || (length > 1 && text.charCodeAt(at) === 48) || Number(text.slice(at, end)) > 255)
      return false;
    at = end;
  }
  const after = text.charCodeAt(at);
  if (isWordCharacter(after) || (after === DOT && isWordCharacter(text.charCodeAt(at + 1)))) return false;
  return !isVersion(text, start);
}

/** Signs that stand directly in front of a version: `pkg==1.2.3.4`, `>=`, `~>`, `^`. */
const COMPARES = /(?:[=<>~!]=|~>|\^|§ ?)$/;
const VERSION_NAME = /version["' :=]{1,4}$/i;
/** The version in front, where two of them are compared: `from 1.2.3.4 to `. */
const VERSION_BEFORE = /(?<![\w.])\d{1,4}(?:\.\d{1,6}){1,4}(?: (?:to|and|or|und|bis|vs) |, ?| ?(?:->|-|\/) ?)$/;
const MOST_COMPARED = 4;
const COMPARED_REACH = 24;

/** Whether the four numbers at `start` are called a version, or are compared with one. */
function isVersion(text: string, start: number): boolean {
  let at = start;
  for (let count = 0; count < MOST_COMPARED; count += 1) {
    if (isLabelled(text, at, VERSION_LABELS, VERSION_REACH)) return true;
    const before = text.slice(Math.max(0, at - COMPARED_REACH), at);
    if (COMPARES.test(before) || VERSION_NAME.test(before)) return true;
    const other = VERSION_BEFORE.exec(before);
    if (!other) return false;
    at -= other[0].length;
  }
  return false;
}

const isHex = (code: number): boolean => isDigit(code) || ((code | 32) >= 97 && (code | 32) <= 102);

/** The run of hexadecimal digits and colons around the colon at `at`; it has one colon per group more or less. */
export function colonRun(text: string, at: number): { readonly start: number; readonly end: number } {
  let start = at;
  while (at - start < 5 && isHex(text.charCodeAt(start - 1))) start -= 1;
  let end = at;
  while (isHex(text.charCodeAt(end)) || text.charCodeAt(end) === COLON) end += 1;
  return { start, end };
}

const IPV6_CHARACTERS = 39;

/** An IPv6 address (RFC 4291 section 2.2) with a digit in it, which C++ names such as `a::b` have not. */
export function isIpv6(text: string, start: number, end: number): boolean {
  const length = end - start;
  if (length < 6 || length > IPV6_CHARACTERS || isAlphanumeric(text.charCodeAt(start - 1))) return false;
  if (isWordCharacter(text.charCodeAt(end)) || isAsciiLetter(text.charCodeAt(start - 1))) return false;
  let groups = 0;
  let gaps = 0;
  let run = 0;
  let hasDigit = false;
  for (let i = start; i <= end; i += 1) {
    const code = i < end ? text.charCodeAt(i) : COLON;
    if (code !== COLON) {
      run += 1;
      hasDigit ||= isDigit(code);
      if (run > 4) return false;
      continue;
    }
    if (run > 0) groups += 1;
    else if (i < end && i > start) gaps += 1;
    run = 0;
  }
  if (text.charCodeAt(end - 1) === COLON && text.charCodeAt(end - 2) !== COLON) return false;
  if (text.charCodeAt(start) === COLON && text.charCodeAt(start + 1) !== COLON) return false;
  return hasDigit && (gaps === 1 ? groups <= 7 : gaps === 0 && groups === 8);
}
