/** Card and account numbers, told by their check digits; social security numbers, by their groups and labels. */

import { GAP, isAt, matchAt, nextGroup, passesLuhn } from './digit-groups.js';
import {
  CARD_LABELS,
  isLabelled,
  isLabelledBehind,
  NUMBERED_LABELS,
  NUMBERED_REACH,
  RESIDENT_LABELS,
  SSN_LABELS,
} from './label-words.js';

/** In one piece, or in groups of which the first has four digits; up to the last group that fits. */
const CARD_GROUPS = new RegExp(`(?=(?:\\d{13,19}|\\d{4})(?!\\d))\\d(?:(?:${GAP})?\\d){12,18}(?!\\d)`, 'y');
/** Also what stands between the items of a list or the columns of a table; then four groups and no more make a card. */
const LIST_GAP = '[ ()./_\\u00b7,;:|\\t\\r\\n-]{1,3}';
const CARD_LIST = new RegExp(
  `(?=[3-6]|2[2-7])(?<!\\d{4}${LIST_GAP})(?:\\d{4}(?:${LIST_GAP}\\d{4}){3}|3\\d{3}${LIST_GAP}\\d{6}${LIST_GAP}\\d{5})` +
    `(?!\\d|${LIST_GAP}(?!20[2-4]\\d)\\d{4}(?!\\d))`,
  'y',
);
/** Lengths by the first digits of the issuers (ISO/IEC 7812); of Maestro only the ranges that were really given out. */
const CARD = new RegExp(
  `^(?:${[
    '4(?:\\d{12}|\\d{15}|\\d{18})',
    '(?:5[1-5]\\d\\d|2(?:22[1-9]|2[3-9]\\d|[3-6]\\d\\d|7[01]\\d|720)|35(?:2[89]|[3-8]\\d))\\d{12}',
    '3[47]\\d{13}',
    '3(?:[689]\\d\\d|0[0-5]\\d|095)\\d{10}',
    '(?:6011|6[25]\\d\\d|64[4-9]\\d|50[123]8|5020|5893|6304|6759|676[123])\\d{12,15}',
  ].join('|')})$`,
);

/** Visa gave them out long ago, and every tenth number of goods that begins with 4 (EAN-13) has that check digit too. */
const OLD_LENGTH = 13;

/** The whole digits of a decimal number in front of its others; a comma may also stand between columns. */
const POINT_BEFORE = /(?<=\d\.)/y;
const COMMA_BEFORE = /(?<=(?:^|[^\w.,])(\d{1,5}),)(\d+)(?!,|\d)/y;
/** A double has 15 to 17 digits that count (IEEE 754). */
const FEWEST_OF_DOUBLE = 15;
const MOST_OF_DOUBLE = 17;

/** Whether the digits from here on are the decimals of a number. */
function isFraction(text: string, start: number): boolean {
  if (isAt(POINT_BEFORE, text, start)) return true;
  const [, whole, decimals] = matchAt(COMMA_BEFORE, text, start) ?? [];
  if (whole === undefined || decimals === undefined) return false;
  const count = whole.replace(/^0/, '').length + decimals.length;
  return count >= FEWEST_OF_DOUBLE && count <= MOST_OF_DOUBLE;
}

/** Four digits, a point and more than any group of a card has. */
const DECIMAL = /^\d{4}\.\d{9}/;

const isCalledCard = (text: string, start: number, length: number): boolean =>
  isLabelled(text, start, CARD_LABELS) || isLabelledBehind(text, start + length, CARD_LABELS);

/** A payment card number that begins here: issuer, length and check digit. */
export function isCardAt(text: string, start: number): boolean {
  const [groups] = matchAt(CARD_GROUPS, text, start) ?? matchAt(CARD_LIST, text, start) ?? [];
  if (groups === undefined || DECIMAL.test(groups)) return false;
  let digits = '';
  for (const group of groups.split(/\D+/)) {
    digits += group;
    if (!CARD.test(digits) || !passesLuhn(digits)) continue;
    if (digits.length === OLD_LENGTH && !isCalledCard(text, start, groups.length)) continue;
    if (group.length < OLD_LENGTH || !isFraction(text, start)) return true;
  }
  return false;
}

/**
 * Characters of an IBAN by country (SWIFT IBAN registry); `d`: the account number is digits alone, `b`: four letters of the
 * bank come first.
 */
const IBANS =
  'NO15d BE16d DK18d FI18d FO18d GL18d NL18b FK18 SD18 MK19 SI19d AT20d BA20d EE20d KZ20 LT20d LU20 XK20d MN20 BG22b ' +
  'BH22b CR22d GB22b GE22 DE22d IE22b ME22d RS22d VA22 AE23d GI23b IL23d IQ23b TL23d OM23 SO23 AD24 CZ24d ES24d MD24 ' +
  'PK24b RO24b SA24 SE24d SK24d TN24d VG24b LI21 LV21b HR21d CH21 PT25d LY25d ST25d IS26d TR26 FR27 GR27 IT27 MC27 MR27 ' +
  'SM27 BI27 DJ27 AL28 AZ28b BY28 CY28 DO28 GT28 HU28d LB28 PL28d SV28 NI28 BR29 EG29 PS29b QA29b UA29 JO30b KW30b MU30b ' +
  'YE30 MT31b SC31b LC32b RU33';

/** ` - . / · _ ,`, tabs and line ends. */
const IBAN_SEPARATORS = '[ ,./\\-\\u00b7_\\t\\n\\r]{0,3}';
const IBAN_FORMS = new Map(
  IBANS.split(' ').map((entry) => {
    const [country, form] = [entry.slice(0, 2), entry.slice(4)];
    const rest = Number(entry.slice(2, 4)) - 4;
    const some = (what: string, many: number): string => `(?:${IBAN_SEPARATORS}${what}){${many}}`;
    const bank = form === 'b' ? some('[a-z]', 4) : '';
    const account = some(form === 'd' ? '\\d' : '[a-z\\d]', bank ? rest - 4 : rest);
    return [country, new RegExp(`${country} ?\\d\\d${bank}${account}(?![a-z\\d])`, 'iy')];
  }),
);
/** Also behind its label without a blank. */
const IBAN_START = /(iban_?)?([a-z]{2}) ?\d\d/iy;

/** Where the IBAN that begins at this word ends, -1 for none: country, its length and form, and check digits. */
export function ibanEnd(text: string, start: number): number {
  const [, label = '', country] = matchAt(IBAN_START, text, start) ?? [];
  const form = country && IBAN_FORMS.get(country.toUpperCase());
  const [iban] = (form && matchAt(form, text, start + label.length)) || [];
  return iban !== undefined && remainder97(iban) === 1n ? start + label.length + iban.length : -1;
}

/** Check digits of ISO 13616: letters are numbers from 10 on, and the first four characters stand last. */
function remainder97(iban: string): bigint {
  const plain = iban.replaceAll(/[^a-z\d]/gi, '');
  return (
    BigInt((plain.slice(4) + plain.slice(0, 4)).replaceAll(/[a-z]/gi, (letter) => `${parseInt(letter, 36)}`)) % 97n
  );
}

/** `Sozialversicherungsnummer (USA): `. */
const SSN_REACH = 40;
/** Of the SSA: no area 000, 666 or 9xx, no group 00, no serial 0000; two were printed in advertisements and are void. */
const SSN = new RegExp(
  '(?<![\\w-])(?!000|666|9|078\\D?05\\D?1120|219\\D?09\\D?9999)' +
    '\\d{3}([ .-]?)(?!00)\\d\\d\\1(?!0000)\\d{4}(?!\\w|(?<!\\d{9})-\\w)',
  'y',
);
/** A line, a value or a quotation that is nothing but this. */
const SSN_ALONE = /(?<=^|[\n"'(]|: ).{11}(?=$|[\n"').,;])/y;

/** France's: sex, year, month, place of birth, order, key. */
const NIR = /[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d(?![\w-])/y;
const CORSICA: ReadonlyMap<string, string> = new Map([
  ['2A', '19'],
  ['2B', '18'],
]);

/** The key is 97 less the remainder of the rest; departments 2A and 2B count as 19 and 18. */
function isNirAt(text: string, start: number): boolean {
  const [nir] = matchAt(NIR, text, start) ?? [];
  const digits = nir?.replaceAll(' ', '').replace(/2[AB]/, (place) => CORSICA.get(place)!) ?? '';
  return digits !== '' && 97 - (Number(digits.slice(0, 13)) % 97) === Number(digits.slice(13));
}

/** Of China's residents: place, date of birth, order, check digit (GB 11643). */
const RESIDENT = /(?<!\w)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX](?!\w)/iy;
const RESIDENT_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** Whether the number of a resident of China begins here. */
export function isResidentAt(text: string, start: number): boolean {
  const [number] = matchAt(RESIDENT, text, start) ?? [];
  if (number === undefined) return false;
  const sum = RESIDENT_WEIGHTS.reduce((total, weight, i) => total + weight * Number(number[i]), 0);
  return '10X98765432'[sum % 11] === number.at(-1)!.toUpperCase();
}

/** Twelve digits, also in groups: Japan's individual and Spain's social security numbers; Germany's has a letter in it. */
const TWELVE = /(?:\d[ /-]?){11}\d(?![\w-])|\d\d ?\d{6} ?[A-Z] ?\d{3}(?!\w)/y;

/**
 * A social security number: that of the United States in groups (with blanks between only where it is called so or stands
 * alone), or nine digits in one piece, which only a label tells from other numbers; what France and China have in its
 * place, by its check digits; Germany's, Spain's and Japan's where they are called so.
 *
 * @param inside whether another group of digits stands directly in front
 */
export function isSsnAt(text: string, start: number, inside: boolean): boolean {
  if (isAmericanAt(text, start, inside)) return true;
  if (inside) return false;
  if (isNirAt(text, start) || isResidentAt(text, start)) return true;
  return isAt(TWELVE, text, start) && (isLabelled(text, start, SSN_LABELS) || isLabelled(text, start, RESIDENT_LABELS));
}

function isAmericanAt(text: string, start: number, inside: boolean): boolean {
  const [ssn, separator] = matchAt(SSN, text, start) ?? [];
  if (separator === '') return isLabelled(text, start, SSN_LABELS, SSN_REACH);
  if (ssn === undefined || isLabelled(text, start, NUMBERED_LABELS, NUMBERED_REACH)) return false;
  if (separator !== ' ') return true;
  if (inside || nextGroup(text, start + ssn.length) >= 0) return false;
  return isLabelled(text, start, SSN_LABELS, SSN_REACH) || isAt(SSN_ALONE, text, start);
}
