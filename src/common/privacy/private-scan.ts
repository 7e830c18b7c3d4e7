import { PRIVATE_KINDS, type PrivateKind } from '../config/config.schema.js';
import { digitsEnd, isAsciiLetter, isDigit, isWordCharacter, nextGroup } from './character-class.js';
import { colonRun, isEmailAt, isIpv4At, isIpv6, isSpeltOutEmailAt, isSpokenEmailAt } from './private-addresses.js';
import { ibanEnd, isCardAt, isSsnAt } from './private-numbers.js';
import { isPhoneAt } from './private-phones.js';
import {
  isNamedSecretAt,
  isPrivateKeyAt,
  isSaidSecretAt,
  isSecretAt,
  isUrlPasswordAt,
  mayBeSecretAt,
} from './private-secrets.js';

/** What a character can be the beginning of. */
const NOTHING = 0;
const DIGIT = 1;
const LETTER = 2;
const AT = 3;
const COLON = 4;
const EQUALS = 5;
const HYPHEN = 6;
const BRACKET = 7;
const ANCHORS = new Uint8Array(128).map((_, code) => {
  if (isDigit(code)) return DIGIT;
  if (isAsciiLetter(code) || code === 95) return LETTER;
  return { 64: AT, 58: COLON, 61: EQUALS, 45: HYPHEN, 40: BRACKET, 91: BRACKET, 123: BRACKET }[code] ?? NOTHING;
});

/** Fewer digits are something only together with others. */
const SHORTEST_ALONE = 7;
const SPACE = 32;
const HYPHEN_SIGN = 45;
const PLUS = 43;
const DOT = 46;
/** A number in one piece behind letters, as in `card4111...`, is looked at from this length on; hashes have shorter ones. */
const GLUED_DIGITS = 13;

/**
 * Places of one request that are looked at. Text with more of them, such as a megabyte of numbers, is taken for private:
 * a look at each would hold up everybody else, and none at the rest would let it out.
 */
const MOST_LOOKS = 120_000;

/** What is written in front of an account number without a blank. */
const IBAN_LABEL = new Set(['iban', 'iban_']);
const LONGEST_GLUED = 'iban_DE'.length;

const bitOf = (kind: PrivateKind): number => 1 << PRIVATE_KINDS.indexOf(kind);
const EMAIL = bitOf('email');
const PHONE = bitOf('phone');
const CARD = bitOf('creditCard');
const IBAN = bitOf('iban');
const SSN = bitOf('ssn');
const IP_ADDRESS = bitOf('ipAddress');
const API_KEY = bitOf('apiKey');

/**
 * Looks for private text in one pass: stops only at characters with which something can begin, and gives each a bounded
 * look. A kind that was found is not looked for again.
 */
export class PrivateScan {
  /** Kinds still looked for, a bit each. */
  private missing: number;
  private readonly wanted: number;
  /** Places that may still be looked at. */
  private looks = MOST_LOOKS;
  /** Behind the latest group of digits. */
  private digitsEndedAt = -1;

  constructor(kinds: readonly PrivateKind[]) {
    this.wanted = kinds.reduce((bits, kind) => bits | bitOf(kind), 0);
    this.missing = this.wanted;
  }

  /** Whether there is nothing more to be found out. */
  get isComplete(): boolean {
    return this.missing === 0 || this.isExhausted;
  }

  /** Whether the text has more places than are looked at, so that what it holds is not known. */
  get isExhausted(): boolean {
    return this.looks < 0;
  }

  get foundAny(): boolean {
    return this.missing !== this.wanted || this.isExhausted;
  }

  get found(): PrivateKind[] {
    return PRIVATE_KINDS.filter((kind) => (this.wanted & ~this.missing & bitOf(kind)) !== 0);
  }

  /** @param text unveiled */
  read(text: string): void {
    this.digitsEndedAt = -1;
    for (let i = 0; i < text.length && !this.isComplete;) {
      i = nextAnchor(text, i);
      const anchor = ANCHORS[text.charCodeAt(i)];
      if (anchor === LETTER) i = this.word(text, i);
      else if (anchor === DIGIT) i = this.number(text, i);
      else i = this.sign(text, i, anchor ?? NOTHING);
    }
  }

  private misses(kind: number): boolean {
    return (this.missing & kind) !== 0;
  }

  private mark(kind: number): void {
    this.missing &= ~kind;
  }

  /** @returns where reading goes on */
  private sign(text: string, at: number, anchor: number): number {
    this.looks -= 1;
    if (anchor === AT) {
      if (this.misses(EMAIL) && isEmailAt(text, at)) this.mark(EMAIL);
      if (this.misses(API_KEY) && isUrlPasswordAt(text, at)) this.mark(API_KEY);
    } else if (anchor === BRACKET) {
      if (this.misses(EMAIL) && isSpeltOutEmailAt(text, at)) this.mark(EMAIL);
    } else if (anchor === HYPHEN) {
      if (this.misses(API_KEY) && isPrivateKeyAt(text, at)) this.mark(API_KEY);
      return runEnd(text, at, HYPHEN_SIGN);
    } else {
      if (this.misses(API_KEY) && isNamedSecretAt(text, at)) this.mark(API_KEY);
      if (anchor === COLON && this.misses(IP_ADDRESS)) return this.colon(text, at);
    }
    return at + 1;
  }

  /** @returns where reading goes on */
  private number(text: string, start: number): number {
    this.looks -= 1;
    const end = digitsEnd(text, start);
    const inside = this.digitsEndedAt >= 0 && nextGroup(text, this.digitsEndedAt) === start;
    this.digitsEndedAt = end;
    const length = end - start;
    const before = text.charCodeAt(start - 1);
    if ((length === 4 || length >= GLUED_DIGITS) && this.misses(CARD) && isCardAt(text, start)) this.mark(CARD);
    // what goes on as a word is nothing else
    if (isWordCharacter(text.charCodeAt(end))) return wordEnd(text, end);
    if (length < SHORTEST_ALONE && nextGroup(text, end) < 0) return end;
    if (length <= 3 && text.charCodeAt(end) === DOT && this.misses(IP_ADDRESS) && isIpv4At(text, start)) {
      this.mark(IP_ADDRESS);
    }
    if (this.misses(SSN) && before !== HYPHEN_SIGN && isSsnAt(text, start, end, inside)) this.mark(SSN);
    if (this.misses(PHONE) && (!inside || length === 3 || length > 9 || before === PLUS)) {
      if (length <= 15 && isPhoneAt(text, start, end, inside)) this.mark(PHONE);
    }
    return end;
  }

  private word(text: string, start: number): number {
    const iban = this.iban(text, start);
    if (iban > 0) return iban;
    if (mayBeSecretAt(text, start) && this.misses(API_KEY)) {
      this.looks -= 1;
      if (isSecretAt(text, start)) this.mark(API_KEY);
    }
    let end = start + 1;
    while (ANCHORS[text.charCodeAt(end)] === LETTER) end += 1;
    if (end - start === 2 && text.charCodeAt(end) === SPACE) this.isOrAt(text, start);
    if (!isDigit(text.charCodeAt(end))) return end;
    if (end - start <= LONGEST_GLUED && end - start > 5 && IBAN_LABEL.has(text.slice(start, end - 2).toLowerCase())) {
      const labelled = this.iban(text, end - 2);
      if (labelled > 0) return labelled;
    }
    const glued = digitsEnd(text, end);
    if (glued - end >= GLUED_DIGITS && !isWordCharacter(text.charCodeAt(glued))) {
      if (this.misses(CARD) && isCardAt(text, end)) this.mark(CARD);
    }
    return wordEnd(text, glued);
  }

  /** @returns the end of an account number that begins at `start`, -1 for none */
  private iban(text: string, start: number): number {
    const digits = text.charCodeAt(start + 2) === SPACE ? start + 3 : start + 2;
    if (!isDigit(text.charCodeAt(digits)) || !isDigit(text.charCodeAt(digits + 1))) return -1;
    this.looks -= 1;
    const end = ibanEnd(text, start);
    if (end > 0) this.mark(IBAN);
    return end;
  }

  /** Words of two letters that stand for a sign: `is` for `=`, `at` for `@`. */
  private isOrAt(text: string, start: number): void {
    const first = text.charCodeAt(start) | 32;
    const second = text.charCodeAt(start + 1) | 32;
    if (first === 105 && second === 115) {
      this.looks -= 1;
      if (this.misses(API_KEY) && isSaidSecretAt(text, start)) this.mark(API_KEY);
    } else if (first === 97 && second === 116) {
      this.looks -= 1;
      if (this.misses(EMAIL) && isSpokenEmailAt(text, start)) this.mark(EMAIL);
    }
  }

  private colon(text: string, at: number): number {
    const { start, end } = colonRun(text, at);
    if (isIpv6(text, start, end)) this.mark(IP_ADDRESS);
    // what follows the last colon of the run may be a number of its own
    const last = text.lastIndexOf(':', end - 1);
    return Math.max(at, last) + 1;
  }
}

/** The next character with which something can begin, or the length of the text. */
function nextAnchor(text: string, start: number): number {
  const { length } = text;
  let at = start;
  // beyond the table is nothing
  while (at < length && !ANCHORS[text.charCodeAt(at)]) at += 1;
  return at;
}

function wordEnd(text: string, start: number): number {
  let end = start;
  while (isWordCharacter(text.charCodeAt(end))) end += 1;
  return end;
}

function runEnd(text: string, start: number, code: number): number {
  let end = start + 1;
  while (text.charCodeAt(end) === code) end += 1;
  return end;
}
