import { PRIVATE_KINDS, type PrivateKind } from '../config/config.schema.js';
import { GAP, isAt, nextGroup } from './digit-groups.js';
import { base64End, decodedText, isDocumentAt, isFileMark, isMedia, mayBeEncoded } from './encoded-text.js';
import { isEmailAt, isIpv4At, isIpv6At, isSpeltOutEmailAt, isSpokenEmailAt } from './private-addresses.js';
import { ibanEnd, isCardAt, isResidentAt, isSsnAt } from './private-numbers.js';
import { isPhoneAt } from './private-phones.js';
import {
  isBotTokenAt,
  isFlagSecretAt,
  isNamedSecretAt,
  isPrivateKeyAt,
  isSaidSecretAt,
  isSecretAt,
  isTokenAt,
  isUrlPasswordAt,
  mayBeSecretAt,
  mayBeTokenAt,
  saysCjk,
} from './private-secrets.js';
import { unveiled } from './unveiled-text.js';

/**
 * Places of one request that are looked at. Text with more of them, such as a megabyte of numbers, is taken for private:
 * a look at each would hold up everybody else, and none at the rest would let it out.
 */
const MOST_LOOKS = 120_000;
/** Fewer than seven digits are something only together with others, and fewer than four never. */
const LONG_NUMBER = new RegExp(
  `\\d{7}|(?=\\d{1,6}${GAP})\\d(?:(?:${GAP})?\\d){3}|0\\d{1,5}[ ()./-]{0,2}\\r?\\n ?\\d{4}`,
  'y',
);
/** A number in one piece behind letters, as in `card4111...`, is looked at from this length on; hashes have shorter ones. */
const GLUED_DIGITS = 13;
/** Digits of a card in front of a separator, which `_` may be: `4111_1111_1111_1111`. */
const CARD_GROUP = 4;

/** What stands in front of a word is looked at with long patterns. */
const TOKEN_COST = 3;
const BLANK = 32;
const COMMA = 44;
const PLUS = 43;
const SLASH = 47;

/** Words from this length on may be base64; a shorter one too where base64 goes on with `+` or `/`. */
const ENCODED_WORD = 16;
const FILE_MARK = 'base64'.length;
/** What is so long without a blank is nothing but base64; its characters are not looked at themselves. */
const LONG_ENCODED = 256;
/** Base64 in base64 is read too, and no further. */
const DEEPEST = 2;
/** What decoding costs. */
const DECODE_COST = 2;

/** Tells a kind at a place of a text where it can begin. */
interface Rule {
  readonly kind: PrivateKind;
  /** @param inside of a number: whether another group of digits stands directly in front */
  readonly isAt: (text: string, at: number, inside: boolean) => boolean;
}

const NOTHING: readonly Rule[] = [];
const CARD: Rule = { kind: 'creditCard', isAt: isCardAt };
const NUMBER: readonly Rule[] = [
  CARD,
  { kind: 'ipAddress', isAt: isIpv4At },
  { kind: 'ssn', isAt: isSsnAt },
  { kind: 'phone', isAt: isPhoneAt },
];
const GLUED: readonly Rule[] = [CARD, { kind: 'ssn', isAt: isResidentAt }];
const TOKEN: readonly Rule[] = [{ kind: 'apiKey', isAt: isTokenAt }];
const KEY: readonly Rule[] = [{ kind: 'apiKey', isAt: isSecretAt }];
const SAYS: readonly Rule[] = [{ kind: 'apiKey', isAt: isSaidSecretAt }];
/** Words that stand for a sign. */
const SPOKEN: ReadonlyMap<string, readonly Rule[]> = new Map([
  ...['is', 'es', 'ist', 'est', 'lautet'].map((says) => [says, SAYS] as const),
  ['at', [{ kind: 'email', isAt: isSpokenEmailAt }]],
]);
const SPOKEN_LENGTHS: ReadonlySet<number> = new Set(Array.from(SPOKEN.keys(), ({ length }) => length));
const BRACKET: readonly Rule[] = [{ kind: 'email', isAt: isSpeltOutEmailAt }];
const NAMED: Rule = { kind: 'apiKey', isAt: isNamedSecretAt };
const SIGNS: ReadonlyMap<string, readonly Rule[]> = new Map([
  ...['(', '[', '{'].map((bracket) => [bracket, BRACKET] as const),
  [
    '@',
    [
      { kind: 'email', isAt: isEmailAt },
      { kind: 'apiKey', isAt: isUrlPasswordAt },
    ],
  ],
  ['=', [NAMED]],
  [':', [NAMED, { kind: 'apiKey', isAt: isBotTokenAt }, { kind: 'ipAddress', isAt: isIpv6At }]],
  [
    '-',
    [
      { kind: 'apiKey', isAt: isPrivateKeyAt },
      { kind: 'apiKey', isAt: isFlagSecretAt },
    ],
  ],
]);

/** What a character can be the beginning of. */
const DIGIT = 1;
const LETTER = 2;
const SIGN = 3;
const ANCHORS = new Uint8Array(128).map((_, code) => {
  const character = String.fromCharCode(code);
  if (/\d/.test(character)) return DIGIT;
  if (/\w/.test(character)) return LETTER;
  return SIGNS.has(character) ? SIGN : 0;
});
/** Beyond the table is nothing, as behind the end. */
const anchorAt = (text: string, at: number): number | undefined => ANCHORS[text.charCodeAt(at)];

/**
 * Looks for private text in one pass: stops only at characters with which something can begin, and gives each a bounded
 * look. A kind that was found is not looked for again.
 */
export class PrivateScan {
  private readonly missing: Set<PrivateKind>;
  /** Places that may still be looked at. */
  private looks = MOST_LOOKS;
  /** Behind the latest group of digits. */
  private digitsEndedAt = -1;
  /** Behind the latest base64 that was looked into. */
  private encodedEnd = 0;
  private depth = 0;
  private hasUnreadable = false;

  constructor(private readonly wanted: readonly PrivateKind[]) {
    this.missing = new Set(wanted);
  }

  /** Whether there is nothing more to be found out. */
  get isComplete(): boolean {
    return this.missing.size === 0 || this.isExhausted;
  }

  /** Whether there was a file that may hold text and cannot be read. */
  get isUnreadable(): boolean {
    return this.hasUnreadable;
  }

  /** Whether the text has more places than are looked at, so that what it holds is not known. */
  get isExhausted(): boolean {
    return this.looks < 0;
  }

  /** Whether something is private, or is to be treated so. */
  get hasAny(): boolean {
    return this.missing.size < this.wanted.length || this.isExhausted || this.isUnreadable;
  }

  get found(): PrivateKind[] {
    return PRIVATE_KINDS.filter((kind) => this.wanted.includes(kind) && !this.missing.has(kind));
  }

  /** @param text unveiled */
  read(text: string): void {
    this.digitsEndedAt = -1;
    this.encodedEnd = 0;
    for (let at = nextAnchor(text, 0); at < text.length && !this.isComplete; at = nextAnchor(text, at)) {
      const anchor = anchorAt(text, at);
      if (anchor === LETTER) at = this.word(text, at);
      else if (anchor === DIGIT) at = this.number(text, at);
      else at = this.sign(text, at);
    }
  }

  private look(rules: readonly Rule[], text: string, at: number, inside = false): void {
    this.looks -= 1;
    for (const rule of rules) {
      if (this.missing.has(rule.kind) && rule.isAt(text, at, inside)) this.missing.delete(rule.kind);
    }
  }

  /** @returns where reading goes on, as all of these */
  private sign(text: string, at: number): number {
    const sign = text.charAt(at);
    this.look(SIGNS.get(sign)!, text, at);
    let end = at + 1;
    while (sign === '-' && text.charAt(end) === '-') end += 1;
    return end;
  }

  private number(text: string, start: number): number {
    const end = runEnd(text, start, DIGIT);
    const inside = this.digitsEndedAt >= 0 && nextGroup(text, this.digitsEndedAt) === start;
    this.digitsEndedAt = end;
    const rest = wordEnd(text, end);
    // what goes on as a word is nothing else
    if (rest === end && isAt(LONG_NUMBER, text, start)) this.look(NUMBER, text, start, inside);
    else this.look(end - start >= GLUED_DIGITS || end - start === CARD_GROUP ? GLUED : NOTHING, text, start);
    if (rest !== end) this.token(text, start, rest);
    return this.encoded(text, start, rest);
  }

  private word(text: string, start: number): number {
    const end = runEnd(text, start, LETTER);
    const length = end - start;
    const isGlued = anchorAt(text, end) === DIGIT;
    const isBeforeBlank = text.charCodeAt(end) === BLANK;
    if (isGlued || (length === 2 && isBeforeBlank && anchorAt(text, end + 1) === DIGIT)) {
      if (length === 2) this.looks -= 1;
      const iban = ibanEnd(text, start);
      if (iban > 0) {
        this.missing.delete('iban');
        return iban;
      }
    }
    if (mayBeSecretAt(text, start)) this.look(KEY, text, start);
    const spoken = isBeforeBlank && SPOKEN_LENGTHS.has(length) && SPOKEN.get(text.slice(start, end).toLowerCase());
    if (spoken) this.look(spoken, text, start);
    if (!isGlued) {
      if (saysCjk(text.charCodeAt(start - 1))) this.look(TOKEN, text, start);
      return isBeforeBlank && length < ENCODED_WORD ? end : this.encoded(text, start, end);
    }
    const digitsEnd = runEnd(text, end, DIGIT);
    const rest = wordEnd(text, digitsEnd);
    if (rest === digitsEnd && digitsEnd - end >= GLUED_DIGITS) this.look(GLUED, text, end);
    this.token(text, start, rest);
    return this.encoded(text, start, rest);
  }

  /** Looks into base64 that begins with this word, or into the file behind it. @returns where reading goes on */
  private encoded(text: string, word: number, wordEnd: number): number {
    const next = text.charCodeAt(wordEnd);
    if (next === COMMA && wordEnd - word === FILE_MARK && isFileMark(text, word)) {
      const end = base64End(text, wordEnd + 1);
      return this.decode(text, wordEnd + 1, end, isMedia(text, word) ? 'media' : 'file');
    }
    if ((wordEnd - word < ENCODED_WORD && next !== PLUS && next !== SLASH) || word < this.encodedEnd) return wordEnd;
    const end = base64End(text, word);
    this.encodedEnd = end;
    return mayBeEncoded(text, word, end) ? Math.max(wordEnd, this.decode(text, word, end, 'word')) : wordEnd;
  }

  private decode(text: string, start: number, end: number, what: 'file' | 'media' | 'word'): number {
    if (end === start) return end;
    this.looks -= DECODE_COST;
    const held = isDocumentAt(text, start) ? null : decodedText(text.slice(start, end));
    if (held !== null) this.readInside(held);
    else if (what === 'file' || isDocumentAt(text, start)) this.hasUnreadable = true;
    this.encodedEnd = end;
    return what !== 'word' || end - start >= LONG_ENCODED ? end : start;
  }

  private readInside(text: string): void {
    if (this.depth === DEEPEST) return;
    this.depth += 1;
    const { digitsEndedAt } = this;
    this.read(unveiled(text));
    this.digitsEndedAt = digitsEndedAt;
    this.depth -= 1;
  }

  /** Letters and digits in one word. */
  private token(text: string, start: number, end: number): void {
    if (!mayBeTokenAt(text, start, end) || !this.missing.has('apiKey')) return;
    this.looks -= TOKEN_COST;
    this.look(TOKEN, text, start);
  }
}

/** The next character with which something can begin, or the length of the text. */
function nextAnchor(text: string, start: number): number {
  let at = start;
  while (at < text.length && !anchorAt(text, at)) at += 1;
  return at;
}

/** Where the characters end that begin with the same things. */
function runEnd(text: string, start: number, anchor: number): number {
  let end = start;
  while (anchorAt(text, end) === anchor) end += 1;
  return end;
}

function wordEnd(text: string, start: number): number {
  let end = start;
  for (let anchor = anchorAt(text, end); anchor === LETTER || anchor === DIGIT; anchor = anchorAt(text, end)) end += 1;
  return end;
}
