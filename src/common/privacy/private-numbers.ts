/** Card and account numbers, told by their check digits; social security numbers, by their groups and labels. */

import { digitsEnd, isAlphanumeric, isAsciiLetter, isDigit, isWordCharacter, nextGroup } from './character-class.js';
import { isLabelled, NUMBERED_LABELS, NUMBERED_REACH, SSN_LABELS } from './label-words.js';

const CARD_MIN_DIGITS = 13;
const CARD_MAX_DIGITS = 19;
/** Digits of the number being looked at; one at a time is. */
const digits = new Uint8Array(CARD_MAX_DIGITS + 1);
/** What a digit counts in every second place (ISO/IEC 7812-1 annex B). */
const DOUBLED = Uint8Array.of(0, 2, 4, 6, 8, 1, 3, 5, 7, 9);

/**
 * A payment card number that begins at `start`: issuer prefix, length and Luhn check digit. Cards are written in one piece
 * or in groups of which the first has four digits.
 */
export function isCardAt(text: string, start: number): boolean {
  const first = digitsEnd(text, start, CARD_MAX_DIGITS + 1) - start;
  if (first !== 4 && (first < CARD_MIN_DIGITS || first > CARD_MAX_DIGITS)) return false;
  let count = 0;
  let lengths = 0;
  for (let at = start; at >= 0;) {
    const code = text.charCodeAt(at);
    if (isDigit(code)) {
      if (count === CARD_MAX_DIGITS) return false;
      digits[count++] = code - 48;
      at += 1;
      if (count !== 4) continue;
      lengths = cardLengths(leading(4));
      if (lengths === 0) return false;
    } else if (((lengths >> count) & 1) === 1 && passesLuhn(count)) return true;
    else at = nextGroup(text, at);
  }
  return false;
}

const leading = (count: number): number => {
  let value = 0;
  for (let i = 0; i < count; i += 1) value = value * 10 + digits[i]!;
  return value;
};

/** Maestro shares its first digits with much else, so only the ranges that were really given out. */
const MAESTRO: ReadonlySet<number> = new Set([5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763]);

const bits = (...lengths: number[]): number => lengths.reduce((set, length) => set | (1 << length), 0);
const VISA = bits(13, 16, 19);
const SIXTEEN = bits(16);
const LONG = bits(16, 17, 18, 19);

/** Lengths that the cards of an issuer have, a bit each, by their first four digits (ISO/IEC 7812); 0 for no issuer. */
function cardLengths(four: number): number {
  const two = Math.floor(four / 100);
  if (four >= 4000 && four < 5000) return VISA;
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720) || (four >= 3528 && four <= 3589)) return SIXTEEN;
  if (two === 34 || two === 37) return bits(15);
  if (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059) || four === 3095) return bits(14);
  if (four === 6011 || two === 65 || (four >= 6440 && four <= 6499) || two === 62) return LONG;
  return MAESTRO.has(four) ? LONG : 0;
}

function passesLuhn(count: number): boolean {
  let sum = 0;
  for (let i = count - 1, second = false; i >= 0; i -= 1, second = !second) {
    sum += second ? DOUBLED[digits[i]!]! : digits[i]!;
  }
  return sum % 10 === 0;
}

/** Characters of an IBAN by country (SWIFT IBAN registry). */
const IBAN_LENGTHS =
  'NO15 BE16 DK18 FI18 FO18 GL18 NL18 FK18 SD18 MK19 SI19 AT20 BA20 EE20 KZ20 LT20 LU20 XK20 MN20 BG22 BH22 CR22 GB22 GE22 DE22 ' +
  'IE22 ME22 RS22 VA22 AE23 GI23 IL23 IQ23 TL23 OM23 SO23 AD24 CZ24 ES24 MD24 PK24 RO24 SA24 SE24 SK24 TN24 VG24 LI21 LV21 HR21 CH21 ' +
  'PT25 LY25 ST25 IS26 TR26 FR27 GR27 IT27 MC27 MR27 SM27 BI27 DJ27 AL28 AZ28 BY28 CY28 DO28 GT28 HU28 LB28 PL28 SV28 NI28 ' +
  'BR29 EG29 PS29 QA29 UA29 JO30 KW30 MU30 YE30 MT31 SC31 LC32 RU33';
/** Countries whose account numbers are digits alone, and those where four letters of the bank come first. */
const DIGITS_ONLY = 'AE AT BA BE CR CZ DE DK EE ES FI FO GL HR HU IL IS LT LY ME NO PL PT RS SE SI SK ST TL TN XK';
const BANK_LETTERS = 'AZ BG BH GB GI IE IQ JO KW LC LV MT MU NL PK PS QA RO SC VG';
const DIGITS_FORM = 1;
const BANK_FORM = 2;

/** Place of a country in the tables: two letters in either case, five bits each. */
const countryAt = (text: string, at: number): number =>
  ((text.charCodeAt(at) & 31) << 5) | (text.charCodeAt(at + 1) & 31);
const lengthOf = new Uint8Array(1024);
const formOf = new Uint8Array(1024);
for (const entry of IBAN_LENGTHS.split(' ')) lengthOf[countryAt(entry, 0)] = Number(entry.slice(2));
for (const country of DIGITS_ONLY.split(' ')) formOf[countryAt(country, 0)] = DIGITS_FORM;
for (const country of BANK_LETTERS.split(' ')) formOf[countryAt(country, 0)] = BANK_FORM;
const values = new Uint8Array(34);

/** Where the IBAN that begins at `start` ends, -1 for none: country, its length and form, and check digits mod 97 (ISO 13616). */
export function ibanEnd(text: string, start: number): number {
  if (!isAsciiLetter(text.charCodeAt(start)) || !isAsciiLetter(text.charCodeAt(start + 1))) return -1;
  const country = countryAt(text, start);
  const length = lengthOf[country]!;
  const form = formOf[country];
  if (length === 0) return -1;
  let at = start;
  for (let count = 0; count < length; at += 1) {
    const code = text.charCodeAt(at);
    if (isAlphanumeric(code)) {
      const isLetter = isAsciiLetter(code);
      if (count > 3 && ((form === DIGITS_FORM && isLetter) || (form === BANK_FORM && count < 8 && !isLetter)))
        return -1;
      values[count++] = isLetter ? (code | 32) - 87 : code - 48;
    } else if (!isIbanSeparator(code) || !isIbanGap(text, at)) return -1;
  }
  return !isAlphanumeric(text.charCodeAt(at)) && remainder97(length) === 1 ? at : -1;
}

/** ` - . / · _ ,`, a tab, a line end. */
const isIbanSeparator = (code: number): boolean =>
  code === 32 || (code >= 44 && code <= 47) || code === 0xb7 || code === 95 || code === 9 || code === 10 || code === 13;

const MOST_IBAN_SEPARATORS = 3;

/** Whether the separator at `at` is of few, with the account number going on behind them. */
function isIbanGap(text: string, at: number): boolean {
  for (let i = at + 1; i <= at + MOST_IBAN_SEPARATORS; i += 1) {
    const code = text.charCodeAt(i);
    if (isAlphanumeric(code)) return true;
    if (!isIbanSeparator(code)) return false;
  }
  return false;
}

function remainder97(length: number): number {
  let remainder = 0;
  for (let i = 4; i < length + 4; i += 1) {
    const value = values[i % length]!;
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder;
}

const SPACE = 32;
const HYPHEN = 45;

/**
 * A US social security number: in groups (with blanks between only where it is called so or stands alone), or nine digits
 * in one piece, which only a label tells from other numbers.
 *
 * @param end behind the group of digits that begins at `start`
 * @param inside whether another group of digits stands directly in front
 */
export function isSsnAt(text: string, start: number, end: number, inside: boolean): boolean {
  if (end - start === 9) return canExist(text.slice(start, end)) && isLabelled(text, start, SSN_LABELS);
  if (end - start !== 3 || isWordCharacter(text.charCodeAt(start - 1))) return false;
  const last = start + 'ddd-dd-dddd'.length;
  const blanks = text.charCodeAt(end) === SPACE;
  if (blanks && (inside || nextGroup(text, last) >= 0)) return false;
  if (!isGroupedSsnAt(text, start)) return false;
  if (isLabelled(text, start, NUMBERED_LABELS, NUMBERED_REACH)) return false;
  const after = text.charCodeAt(last);
  if (isWordCharacter(after) || (after === HYPHEN && isWordCharacter(text.charCodeAt(last + 1)))) return false;
  return !blanks || isLabelled(text, start, SSN_LABELS) || standsAlone(text, start, last);
}

const standsAlone = (text: string, start: number, end: number): boolean =>
  STANDING_BEFORE.test(text.slice(Math.max(0, start - 2), start)) && STANDING_AFTER.test(text.charAt(end));

/** A line, a value or a quotation that is nothing but this. */
const STANDING_BEFORE = /(?:^|[\n"'(]|: )$/;
const STANDING_AFTER = /^[\n"').,;]?$/;

const SSN_LENGTHS = [3, 2, 4] as const;
/** Printed in advertisements and void for that reason. */
const VOID_SSNS = new Set(['078051120', '219099999']);

/** Whether the number from `start` is written in groups with one separator, and can exist. */
function isGroupedSsnAt(text: string, start: number): boolean {
  const separator = text.charAt(start + 3);
  if (separator === '' || !' -.'.includes(separator) || text.charAt(start + 6) !== separator) return false;
  let at = start;
  for (const length of SSN_LENGTHS) {
    if (digitsEnd(text, at, 5) - at !== length) return false;
    at += length + 1;
  }
  return canExist(text.slice(start, start + 3) + text.slice(start + 4, start + 6) + text.slice(start + 7, start + 11));
}

/** Of the SSA: no area 000, 666 or 9xx, no group 00, no serial 0000. */
const canExist = (ssn: string): boolean =>
  !ssn.startsWith('000') &&
  !ssn.startsWith('666') &&
  ssn < '900' &&
  ssn.slice(3, 5) !== '00' &&
  !ssn.endsWith('0000') &&
  !VOID_SSNS.has(ssn);
