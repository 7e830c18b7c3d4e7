/** Telephone numbers: no check digit tells them, only how they are written and what stands in front. */

import { GAP, isAt, matchAt } from './digit-groups.js';
import { isLabelled, NUMBERED_LABELS, NUMBERED_REACH, PHONE_LABELS, THING_LABELS } from './label-words.js';
import { isNumberOfCountry } from './numbering-plans.js';

/** Behind a number: nothing that makes its digits a part of a word, a decimal, a longer code. */
const END = '(?![\\w%]|-\\w|[.,]\\d)';
/** In front of a number or of its bracket: no word, decimal or path; "Tel.030..." is none. */
const FREE = /(?<!(?:[\w,/-]|(?:^|[\0-9])\.)\(?)/y;
/** A part of a code in front of it: `1Z 999 AA1 01 2345 6784`. */
const BEHIND_CODE = /(?<=(?<![a-z\d])[a-z]{1,3}\d{1,3}[ -])/iy;

/** 2 to 9 first; of the round ones only 500, 700, 800 and 900 are given out (NANPA). */
const AREA_START = '(?:[2-9](?!00)|[5789](?=00))';
const AREA = `${AREA_START}\\d\\d`;
const EXCHANGE_AND_LINE = `[2-9]\\d\\d[-. ]\\d{4}(?!\\d)${END}`;
/** `(212) 555-0199`, `212-555-0199`, `212.555.0199`. */
const NORTH_AMERICAN = new RegExp(
  `(?:(?<=\\()${AREA}\\)[-./ ]?|(?<!\\()${AREA}(?:[-./]| (?=\\d{3}[-.])))${EXCHANGE_AND_LINE}`,
  'y',
);
/** `212 555 0199`, only where no other number is near. */
const NORTH_AMERICAN_BLANKS = new RegExp(`(?<!\\()${AREA} (?=\\d{3} )${EXCHANGE_AND_LINE}(?!${GAP})`, 'y');
const COUNTRY_ONE = new RegExp(`1${GAP}`, 'y');

/**
 * `+`, a country code and at least seven more digits; under +1 and +7 exactly ten more, under +1 first those of an area. In
 * one piece the shortest real ones have nine digits. ITU-T E.164: at most 15.
 */
const INTERNATIONAL = new RegExp(
  `(?<=(?<!\\w)\\+)(?:(?:1(?=(?:${GAP})?${AREA_START})|7)(?:(?:${GAP})?\\d){10}` +
    `|[2-689](?:(?:${GAP})?\\d){7,14}(?<!\\+\\d{8}))(?!\\d|,\\d)`,
  'y',
);
/** In one piece: the United Kingdom, Germany, Japan, France, Australia. */
const BARE_MOBILE = new RegExp(`(?:07\\d{9}|01[5-7]\\d{8,9}|0[789]0\\d{8}|0[67]\\d{8}|04\\d{8})(?!\\d)${END}`, 'y');

/** China's: as long as a number of bytes or of seconds, so only where a word or the script says so. */
const CHINESE_MOBILE = new RegExp(`1[3-9]\\d{9}(?!\\d)${END}`, 'y');
const CHINESE = /[\u4e00-\u9fff]/;
const CHINESE_REACH = 16;

const isNearChinese = (text: string, start: number, end: number): boolean =>
  CHINESE.test(text.slice(Math.max(0, start - CHINESE_REACH), end + CHINESE_REACH));

/** Cut by the end of a line behind its area: `030.` and below it `1234567`. */
const CUT = new RegExp(`(?=(?:\\D{0,4}\\d){7})0\\d{1,5}[ ()./-]{0,2}\\r?\\n ?\\d{4,9}(?!\\d)${END}`, 'y');
/** ZIP+4 of the north-east behind its state or its name: `MA 02108-1234`. */
const ZIP = /(?<=(?<!\w)(?:[A-Z]{2}|[Zz][Ii][Pp](?: ?[Cc]ode)?)[,:]? )0\d{4}-\d{4}(?!\d)/y;

/** What can be a number behind another one. */
const OF_ITSELF = /\d{3}(?:\d{7}|(?!\d))/y;

const MOST_DIGITS = 15; // ITU-T E.164
/** All groups, 7 at most, of a number that has at least seven digits, and no more digits behind. */
const GROUPS = new RegExp(
  `(?=\\d(?:(?:${GAP})?\\d){6})\\d{1,15}(?!\\d)(?:${GAP}\\d{1,15}(?!\\d)){0,6}(?!${GAP})${END}`,
  'y',
);
/** `20..`, `19..` or a day and a month with a year: dates in either order. */
const DATE = /(?:(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d)(?!\d)/y;

/** Of an IPv4 address; France's numbers have five groups. */
const IP_ADDRESS = /^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** How many digits there are from here to the end. */
const digits = (many: string): string => `(?=(?:\\D?\\d){${many}}$)`;
/** Codes of one length that all begin with 0, such as postal codes or file modes. */
const LIST = [1, 2, 3, 4].map((n) => `0\\d{${n}}(?:\\D0\\d{${n}})+$`).join('|');
/** Forms of numbers without a `+`; what stands between two groups is a hyphen if it has one, else a blank, and `(` has its `)`. */
const NATIONAL = new RegExp(
  [
    '^\\(?00[1-9]\\d{9}', // in front of a country, in one piece or in groups
    `^\\(?(?=00[1-9]\\d*\\D)${digits('10,')}`,
    `^\\(?(?!00|${LIST})${digits('9,12')}0\\d{1,4}(?:\\D\\d{2,}){1,4}$`, // in front of an area
    `^\\((?!0|[12]\\d{3}\\D)\\d{2,4}${digits('7,9')}(?:\\D\\d{2,})+$`, // an area in brackets
    '^1[3-9]\\d\\D\\d{4}\\D\\d{4}$', // China's mobile ones
    '^[6-9]\\d\\d(?:\\D\\d\\d){3}$', // Spain's
    '^[1-9]\\d\\D9\\d{4}-\\d{4}$', // Brazil's
    '^[78]\\D\\d{3}\\D\\d{3}\\D\\d\\d\\D\\d\\d$', // Russia's
  ].join('|'),
);

/** Whether it is somebody's number, and not a thing's: `my number is `. */
const OWN_NUMBER =
  /(?<=\b(?:my|his|her|their|your|our|meine|seine|ihre|mi|su|tu|mon|son|ton|votre) (?:cell |new |home |work |neue |nuevo |nouveau )?(?:number|nummer|número|numéro)(?:'s| is| ist| lautet| es| est)?:?(?: el| le)? )/iy;
const OWN_DIGITS = 9;

/**
 * A telephone number whose first group of digits begins here: international, North American, national with its prefix 0 or
 * its area in brackets, a mobile one in one piece, or any that is called a telephone number.
 *
 * @param inside whether another group of digits stands directly in front
 */
export function isPhoneAt(text: string, start: number, inside: boolean): boolean {
  if (text[start - 1] === '+') return isInternational(text, start);
  if ((inside && !isAt(OF_ITSELF, text, start)) || !isAt(FREE, text, start)) return false;
  if (isNorthAmerican(text, start, inside)) return true;
  if (!inside && isAt(COUNTRY_ONE, text, start) && isNorthAmerican(text, COUNTRY_ONE.lastIndex, false)) return true;
  if (isAt(BARE_MOBILE, text, start) && !isThing(text, start)) return true;
  if (isAt(CHINESE_MOBILE, text, start) && isMobileOfChina(text, start)) return true;
  if (isAt(CUT, text, start) && isLabelled(text, start, PHONE_LABELS)) return true;
  return !inside && isNational(text, start);
}

function isMobileOfChina(text: string, start: number): boolean {
  if (isLabelled(text, start, PHONE_LABELS)) return true;
  return isNearChinese(text, start, CHINESE_MOBILE.lastIndex) && !isThing(text, start);
}

/** Any of its groups may be the last one of the number: a year or an extension may follow. */
function isInternational(text: string, start: number): boolean {
  const [number] = matchAt(INTERNATIONAL, text, start) ?? [];
  return number !== undefined && beginsAsNumberOfCountry(number);
}

function beginsAsNumberOfCountry(number: string): boolean {
  let digits = '';
  return number.split(/\D+/).some((group) => isNumberOfCountry((digits += group)));
}

function isNorthAmerican(text: string, start: number, inside: boolean): boolean {
  if (!isAt(NORTH_AMERICAN, text, start) && (inside || !isAt(NORTH_AMERICAN_BLANKS, text, start))) return false;
  if (inside || text[start - 1] === '(') return true;
  return !isLabelled(text, start, NUMBERED_LABELS, NUMBERED_REACH) || isLabelled(text, start, PHONE_LABELS);
}

const isThing = (text: string, start: number): boolean =>
  isLabelled(text, start, THING_LABELS) && !isLabelled(text, start, PHONE_LABELS);

/** Five numbers of a lottery in rising order, which a telephone's hardly ever are. */
const PAIRS = /^\d\d(?:\D+\d\d){4}$/;
const HIGHEST_DRAWN = 59;

function isDrawn(number: string): boolean {
  if (!PAIRS.test(number)) return false;
  const drawn = number.split(/\D+/).map(Number);
  return drawn.every((one, i) => one > (drawn[i - 1] ?? 0) && one <= HIGHEST_DRAWN);
}

/** Of a number in a national form: whether it is a telephone's, and not a thing's. */
function isSomebodys(number: string, text: string, start: number): boolean {
  if (isLabelled(text, start, PHONE_LABELS)) return true;
  if (isLabelled(text, start, THING_LABELS) || isDrawn(number)) return false;
  if (isAt(BEHIND_CODE, text, start) || isAt(ZIP, text, start)) return false;
  return !number.startsWith('00') || beginsAsNumberOfCountry(number.slice(2).replace(/^\D+/, ''));
}

/** A national number, or any that is called a telephone number. */
function isNational(text: string, start: number): boolean {
  const [number] = matchAt(GROUPS, text, start) ?? [];
  const count = number?.replaceAll(/\D/g, '').length ?? 0;
  if (number === undefined || count > MOST_DIGITS || isAt(DATE, text, start) || IP_ADDRESS.test(number)) return false;
  const isBracketed = text[start - 1] === '(' && /^\d+\)/.test(number);
  const groups = number.replaceAll(/\D+/g, (gap) => (gap.includes('-') ? '-' : ' '));
  if (NATIONAL.test(isBracketed ? `(${groups}` : groups)) return isSomebodys(number, text, start);
  return isLabelled(text, start, PHONE_LABELS) || (count >= OWN_DIGITS && isAt(OWN_NUMBER, text, start));
}
