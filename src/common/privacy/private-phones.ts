/** Telephone numbers: no check digit tells them, only how they are written and what stands in front. */

import { digitsEnd, isDigit, isWordCharacter, nextGroup } from './character-class.js';
import { isLabelled, NUMBERED_LABELS, NUMBERED_REACH, PHONE_LABELS, THING_LABELS } from './label-words.js';

const PLUS = 43;
const OPEN = 40;
const CLOSE = 41;
const DOT = 46;
const COMMA = 44;
const HYPHEN = 45;
const SLASH = 47;
const SPACE = 32;

/** ITU-T E.164: at most 15 digits. */
const MOST_DIGITS = 15;
const MOST_GROUPS = 7;
const FEWEST_INTERNATIONAL = 8;

/** The groups of digits of one number; one at a time is looked at. */
const lengths = new Uint8Array(MOST_GROUPS + 1);

interface Groups {
  readonly count: number;
  readonly digits: number;
  /** Behind the last digit. */
  readonly end: number;
  /** Whether the number ends there, and no more digits follow. */
  readonly whole: boolean;
}

/** Reads the groups from `start` on, as far as a telephone number goes. */
function groupsFrom(text: string, start: number): Groups {
  let count = 0;
  let total = 0;
  for (let at = start; ;) {
    const end = digitsEnd(text, at, MOST_DIGITS + 1);
    total += end - at;
    lengths[count] = end - at;
    count += 1;
    const next = nextGroup(text, end);
    if (total > MOST_DIGITS || count > MOST_GROUPS || next < 0) {
      return { count, digits: total, end, whole: next < 0 && total <= MOST_DIGITS && count <= MOST_GROUPS };
    }
    at = next;
  }
}

/** Whether what follows makes the digits a part of something else: a word, a decimal, a longer code. */
function goesOn(text: string, end: number): boolean {
  const code = text.charCodeAt(end);
  const following = text.charCodeAt(end + 1);
  if (isWordCharacter(code) || code === 37) return true;
  return (
    (code === HYPHEN || code === DOT || code === COMMA) &&
    isWordCharacter(following) &&
    (code === HYPHEN || isDigit(following))
  );
}

/** Whether the number is a part of a word, a decimal, a path or a longer number. */
function continuesSomething(text: string, at: number): boolean {
  const code = text.charCodeAt(at - 1);
  if (code === DOT) return !(text.charCodeAt(at - 2) > 57); // "Tel.030..." is none
  return isWordCharacter(code) || code === COMMA || code === HYPHEN || code === SLASH;
}

/**
 * A telephone number whose first group of digits is `start` to `end`: international, North American, national with its
 * prefix 0 or its area in brackets, a mobile one in one piece, or any that is called a telephone number.
 *
 * @param inside whether another group of digits stands directly in front
 */
export function isPhoneAt(text: string, start: number, end: number, inside: boolean): boolean {
  if (text.charCodeAt(start - 1) === PLUS) return isInternational(text, start);
  const inBrackets = text.charCodeAt(start - 1) === OPEN;
  if (continuesSomething(text, inBrackets ? start - 1 : start)) return false;
  const length = end - start;
  if (length === 3 && isNorthAmerican(text, start, inBrackets, inside)) return true;
  if (length === 1 && text.charCodeAt(start) === 49 && !inside) {
    const area = nextGroup(text, end);
    if (area > 0 && isNorthAmerican(text, area, text.charCodeAt(area - 1) === OPEN, false)) return true;
  }
  if (length >= 10 && length <= 13 && isBareMobile(text, start, end)) return true;
  if (inside) return false;
  const groups = groupsFrom(text, start);
  if (groups.digits < 7 || isDate(text, start) || goesOn(text, groups.end)) return false;
  if (isNational(text, start, inBrackets, groups)) return !isThing(text, start);
  if (!groups.whole) return false;
  return isLabelled(text, start, PHONE_LABELS) || (groups.digits >= 10 && isOwnNumber(text, start));
}

const OWN_NUMBER =
  /\b(?:my|his|her|their|your|our|meine|mi|mon) (?:cell |new |home |work )?(?:number|nummer|número|numéro)(?: is| ist| es| est)?:? $/i;
const OWN_REACH = 32;

/** Whether it is somebody's number, and not a thing's: `my number is `. */
const isOwnNumber = (text: string, start: number): boolean =>
  OWN_NUMBER.test(text.slice(Math.max(0, start - OWN_REACH), start));

const isThing = (text: string, start: number): boolean =>
  isLabelled(text, start, THING_LABELS) && !isLabelled(text, start, PHONE_LABELS);

/** `+`, a country code and at least seven more digits; under +1 and +7 exactly ten more. */
function isInternational(text: string, start: number): boolean {
  if (isWordCharacter(text.charCodeAt(start - 2)) || text.charCodeAt(start) === 48) return false;
  const first = text.charCodeAt(start);
  const isWhole = (digits: number): boolean =>
    first === 49 || first === 55 ? digits === 11 : digits >= FEWEST_INTERNATIONAL && digits <= MOST_DIGITS;
  let digits = 0;
  let groups = 0;
  for (let at = start; at >= 0 && digits <= MOST_DIGITS; groups += 1) {
    const end = digitsEnd(text, at, MOST_DIGITS + 1);
    digits += end - at;
    // in one piece the shortest real ones have nine
    if (isWhole(digits) && (groups > 0 || digits > FEWEST_INTERNATIONAL) && !goesOnAsDecimal(text, end)) {
      return first !== 49 || isAreaCode(text, digitAfter(text, start));
    }
    at = nextGroup(text, end);
  }
  return false;
}

const goesOnAsDecimal = (text: string, end: number): boolean =>
  text.charCodeAt(end) === COMMA && isDigit(text.charCodeAt(end + 1));

const digitAfter = (text: string, at: number): number =>
  isDigit(text.charCodeAt(at + 1)) ? at + 1 : nextGroup(text, at + 1);

/** 2 to 9 first; of the round ones only 500, 700, 800 and 900 are given out (NANPA). */
function isAreaCode(text: string, at: number): boolean {
  const first = text.charCodeAt(at);
  if (!(first >= 50 && first <= 57)) return false;
  const round = text.charCodeAt(at + 1) === 48 && text.charCodeAt(at + 2) === 48;
  return !round || first === 53 || first === 55 || first === 56 || first === 57;
}

/** `(212) 555-0199`, `212-555-0199`, `212.555.0199`; with blanks alone only where no other number is near. */
function isNorthAmerican(text: string, start: number, inBrackets: boolean, inside: boolean): boolean {
  if (!isAreaCode(text, start) || digitsEnd(text, start, 4) - start !== 3) return false;
  let at = start + 3;
  if (inBrackets) {
    if (text.charCodeAt(at) !== CLOSE) return false;
    at += 1;
  }
  const separator = text.charCodeAt(at);
  const isTight = separator === HYPHEN || separator === DOT || separator === SLASH;
  if (isTight || separator === SPACE) at += 1;
  else if (!inBrackets) return false;
  const exchange = text.charCodeAt(at);
  if (!(exchange >= 50 && exchange <= 57) || digitsEnd(text, at, 4) - at !== 3) return false;
  const second = text.charCodeAt(at + 3);
  if (second !== HYPHEN && second !== DOT && second !== SPACE) return false;
  const end = digitsEnd(text, at + 4, 5);
  if (end - at - 4 !== 4 || goesOn(text, end)) return false;
  if (!inBrackets && !inside && isLabelled(text, start, NUMBERED_LABELS, NUMBERED_REACH)) {
    if (!isLabelled(text, start, PHONE_LABELS)) return false;
  }
  const blanksOnly = !inBrackets && !isTight && second === SPACE;
  return !blanksOnly || (!inside && nextGroup(text, end) < 0);
}

/** `20..`, `19..` or a day and a month with a year: dates in either order. */
const DATE = /(?:(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d)(?!\d)/y;

function isDate(text: string, start: number): boolean {
  DATE.lastIndex = start;
  return DATE.test(text);
}

/** With the prefix 0 in front of the area, 00 in front of a country, an area in brackets, or Russia's 8. */
function isNational(text: string, start: number, inBrackets: boolean, { count, digits, whole, end }: Groups): boolean {
  if (!whole) return false;
  const area = lengths[0]!;
  const first = text.charCodeAt(start);
  if (first === 48 && text.charCodeAt(start + 1) === 48) {
    return text.charCodeAt(start + 2) > 48 && digits >= (count === 1 ? 12 : 10);
  }
  if (first === 48) {
    const fits = area >= 2 && area <= 5 && count >= 2 && count <= 5 && digits >= 9 && digits <= 12;
    return fits && !isList(text, start, count) && shortestGroup(count) >= 2;
  }
  if (inBrackets && text.charCodeAt(start + area) === CLOSE) {
    const isYear = area === 4 && (first === 49 || first === 50);
    return area >= 2 && area <= 4 && !isYear && digits - area >= 7 && digits - area <= 9 && shortestGroup(count) >= 2;
  }
  // China's mobile numbers as 3, 4 and 4 digits, with hyphens; Brazil's as an area, 9 and four, and four
  if (count === 3 && area === 3 && first === 49 && text.charCodeAt(start + 1) > 50) {
    return lengths[1] === 4 && lengths[2] === 4 && text.charCodeAt(start + 3) === HYPHEN;
  }
  if (count === 3 && area === 2 && lengths[1] === 5 && lengths[2] === 4) {
    return text.charCodeAt(nextGroup(text, start + 2)) === 57 && text.charCodeAt(end - 5) === HYPHEN;
  }
  return count === 5 && (first === 56 || first === 55) && [1, 3, 3, 2, 2].every((wanted, i) => lengths[i] === wanted);
}

/** Codes of one length that all begin with 0, such as postal codes or file modes. */
function isList(text: string, start: number, count: number): boolean {
  let at = start;
  for (let i = 1; i < count; i += 1) {
    at = nextGroup(text, at + lengths[i - 1]!);
    if (lengths[i] !== lengths[0] || text.charCodeAt(at) !== 48) return false;
  }
  return true;
}

function shortestGroup(count: number): number {
  let shortest = MOST_DIGITS;
  for (let i = 0; i < count; i += 1) shortest = Math.min(shortest, lengths[i]!);
  return shortest;
}

/** Mobile numbers in one piece: China, the United Kingdom, Germany, Japan, France, Australia. */
const BARE_MOBILE = /(?:1[3-9]\d{9}|07\d{9}|01[5-7]\d{8,9}|0[789]0\d{8}|0[67]\d{8}|04\d{8})(?!\d)/y;

function isBareMobile(text: string, start: number, end: number): boolean {
  BARE_MOBILE.lastIndex = start;
  return BARE_MOBILE.test(text) && !goesOn(text, end) && !isThing(text, start);
}
