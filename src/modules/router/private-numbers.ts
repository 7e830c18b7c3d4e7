import { ownField } from '../../common/own-field.js';

/** Card and account numbers, told from other numbers by their check digits. */

/** Cards are written in one piece or in groups of which the first has four digits. */
const CARD_START = /(?<!\d)[2-6](?:\d{3}|\d{12,18})(?!\d)/g;
const CARD_AT = /\d(?:[ \u00a0-]?\d){12,18}/y;
/** Issuer prefixes with the lengths they use (ISO/IEC 7812 ranges of Visa, Mastercard, Amex, Discover, JCB, Diners, UnionPay, Maestro). */
const CARD_PREFIX =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|[45]\d\d)\d{12}|35\d{14}|3[0689]\d{12}|62\d{14,17}|(?:5[06-8]|6[37])\d{10,17})$/;
const CARD_MIN_DIGITS = 13;

/** A payment card number: issuer prefix, length and Luhn check digit (ISO/IEC 7812-1 annex B). */
export function hasCardNumber(text: string): boolean {
  for (const run of text.matchAll(CARD_START)) {
    CARD_AT.lastIndex = run.index;
    const [written] = CARD_AT.exec(text) ?? [];
    if (written && startsWithCard(written, /\d/.test(text[run.index + written.length] ?? ''))) return true;
  }
  return false;
}

/** @param cut whether the text goes on with a digit behind `written` */
function startsWithCard(written: string, cut: boolean): boolean {
  for (let end = written.length; end >= CARD_MIN_DIGITS; end -= 1) {
    const next = written[end];
    if (next === undefined ? cut : next >= '0' && next <= '9') continue;
    const digits = written.slice(0, end).replace(/\D/g, '');
    if (digits.length >= CARD_MIN_DIGITS && CARD_PREFIX.test(digits) && passesLuhn(digits)) return true;
  }
  return false;
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Characters of an IBAN by country (SWIFT IBAN registry). */
const IBAN_LENGTHS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'NO15 BE16 DK18 FI18 FO18 GL18 NL18 FK18 SD18 MK19 SI19 AT20 BA20 EE20 KZ20 LT20 LU20 XK20 MN20 BG22 BH22 CR22 GB22 GE22 DE22 ' +
    'IE22 ME22 RS22 VA22 AE23 GI23 IL23 IQ23 TL23 OM23 SO23 AD24 CZ24 ES24 MD24 PK24 RO24 SA24 SE24 SK24 TN24 VG24 LI21 LV21 HR21 CH21 ' +
    'PT25 LY25 ST25 IS26 TR26 FR27 GR27 IT27 MC27 MR27 SM27 BI27 DJ27 AL28 AZ28 BY28 CY28 DO28 GT28 HU28 LB28 PL28 SV28 NI28 ' +
    'BR29 EG29 PS29 QA29 UA29 JO30 KW30 MU30 YE30 MT31 SC31 LC32 RU33'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);
const IBAN_START = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \u00a0-]?[A-Za-z0-9])/g;

/** An IBAN: country, its length, and check digits mod 97 (ISO 13616). */
export function hasIban(text: string): boolean {
  for (const { 0: start, index } of text.matchAll(IBAN_START)) {
    const length = ownField(IBAN_LENGTHS, start.slice(0, 2).toUpperCase());
    const iban = length && alphanumericsFrom(text, index, length);
    if (iban && remainder97(iban.toUpperCase()) === 1) return true;
  }
  return false;
}

/** The next `count` letters and digits, single separators left out; `null` when they end earlier or later. */
function alphanumericsFrom(text: string, start: number, count: number): string | null {
  let collected = '';
  let at = start;
  for (; collected.length < count; at += 1) {
    const character = text[at] ?? '';
    if (/[A-Za-z0-9]/.test(character)) collected += character;
    else if (!/[ \u00a0-]/.test(character) || !/[A-Za-z0-9]/.test(text[at + 1] ?? '')) return null;
  }
  return /[A-Za-z0-9]/.test(text[at] ?? '') ? null : collected;
}

function remainder97(iban: string): number {
  let remainder = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder;
}
