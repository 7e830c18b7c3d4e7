/** Keys, tokens and passwords: by the shapes of their issuers, or by what stands in front of them. */

import { PRIVATE_KEY_BLOCK, SECRET_NAMES, SECRET_SHAPES } from '../secret-shapes.js';
import { isAlphanumeric, isDigit, isWordCharacter } from './character-class.js';

/** The first two characters of a key, for a quick no. */
const pairOf = (text: string, at: number): number => (text.charCodeAt(at) << 7) | (text.charCodeAt(at + 1) & 0x7f);

interface Shape {
  readonly prefix: string;
  readonly pattern: RegExp;
  readonly doubtful: boolean;
}

const BY_PAIR = new Map<number, Shape[]>();
for (const { prefix, rest, doubtful = false } of SECRET_SHAPES) {
  const known = BY_PAIR.get(pairOf(prefix, 0)) ?? [];
  known.push({ prefix, doubtful, pattern: new RegExp(rest, 'y') });
  BY_PAIR.set(pairOf(prefix, 0), known);
}
const PAIRS = new Uint8Array(1 << 14);
for (const pair of BY_PAIR.keys()) PAIRS[pair] = 1;
for (const bearer of ['be', 'Be', 'BE', 'bE']) PAIRS[pairOf(bearer, 0)] = 1;

/** A name such as `sk-learn-pipeline-example` has neither a digit nor an unbroken random part. */
const RANDOM_PART = /[A-Za-z0-9]{16}/;
const KEY_CHARACTERS = 256;

/** Whether the word that begins here begins as a key does. */
export const mayBeSecretAt = (text: string, start: number): boolean => PAIRS[pairOf(text, start)] === 1;

/** Whether a key, or `Bearer` and a token, begins at the word that begins here. */
export const isSecretAt = (text: string, start: number): boolean => isKeyAt(text, start) || isBearerAt(text, start);

/** Whether a key of a known issuer begins at the word that begins here. */
function isKeyAt(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1);
  for (const { prefix, pattern, doubtful } of BY_PAIR.get(pairOf(text, start)) ?? []) {
    const rest = start + prefix.length;
    if (!text.startsWith(prefix, start) || !isAlphanumeric(text.charCodeAt(rest))) continue;
    if (doubtful && (before === 45 || before === 95)) continue;
    pattern.lastIndex = rest;
    if (
      pattern.test(text) &&
      (!doubtful || isRandom(text.slice(rest, Math.min(pattern.lastIndex, rest + KEY_CHARACTERS))))
    )
      return true;
  }
  return false;
}

const isRandom = (key: string): boolean => /\d/.test(key) && RANDOM_PART.test(key);

const BLOCK = new RegExp(PRIVATE_KEY_BLOCK, 'y');
const DASHES = '-----B';

/** Whether the armour of a private key begins here. */
export function isPrivateKeyAt(text: string, start: number): boolean {
  if (!text.startsWith(DASHES, start)) return false;
  BLOCK.lastIndex = start;
  return BLOCK.test(text);
}

const NAMES: ReadonlySet<string> = new Set(SECRET_NAMES.map((name) => name.replaceAll(/[-_]/g, '')));
const LONGEST_NAME = 32;
const SHORTEST_VALUE = 8;
const SHORTEST_TOKEN = 16;
const tableOf = (characters: string): Uint8Array => {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
};
const QUOTES = tableOf(' "\'`');
/** What no secret of one piece has in it. */
const ENDS = tableOf(' "\'`,;&<>()[]{}=:');
const SCHEME_STARTS = tableOf('aAbB');
const SCHEME = /(?:bearer|basic|apikey)\s+/iy;

/**
 * Whether the `=` or `:` here gives a value to something that is called a secret: `api_key=...`, `"password": "..."`. The
 * value must look like one, with letters and digits: `password: string` is none.
 */
export function isNamedSecretAt(text: string, sign: number): boolean {
  let at = sign + 1;
  while (at - sign < 5 && QUOTES[text.charCodeAt(at)] === 1) at += 1;
  if (!isSecretValue(text, at, SHORTEST_VALUE)) {
    if (SCHEME_STARTS[text.charCodeAt(at)] !== 1) return false;
    SCHEME.lastIndex = at;
    if (!SCHEME.test(text) || !isSecretValue(text, SCHEME.lastIndex, SHORTEST_VALUE)) return false;
  }
  return isSecretName(nameBefore(text, sign));
}

/** Whether the `is` here says what a password or a key is: `my password is ...`. A value with a hyphen is an adjective. */
export function isSaidSecretAt(text: string, is: number): boolean {
  const value = QUOTES[text.charCodeAt(is + 3)] === 1 ? is + 4 : is + 3;
  if (!isSecretValue(text, value, SHORTEST_VALUE, HYPHEN)) return false;
  const name = nameBefore(text, is - 1);
  if (name !== 'key' && name !== 'token') return SAID_NAMES.has(name) || isSecretName(name);
  return SAID_NAMES.has(nameBefore(text, is - 2 - name.length) + name);
}

const HYPHEN = 45;
/** Names as they are spoken, without the blank. */
const SAID_NAMES = new Set([
  'password',
  'passcode',
  'passphrase',
  'apikey',
  'accesstoken',
  'authtoken',
  'secretkey',
  'accesskey',
]);

/** `Bearer <token>` in running text. */
const BEARER = /bearer\s+/iy;

/** Whether the word that begins here is `Bearer` with a token behind it. */
function isBearerAt(text: string, start: number): boolean {
  if ((text.charCodeAt(start) | 32) !== 98 || (text.charCodeAt(start + 2) | 32) !== 97) return false;
  BEARER.lastIndex = start;
  return BEARER.test(text) && isSecretValue(text, BEARER.lastIndex, SHORTEST_TOKEN);
}

function isSecretValue(text: string, start: number, shortest: number, never = 0): boolean {
  let end = start;
  let hasDigit = false;
  let hasLetter = false;
  for (; end - start < KEY_CHARACTERS; end += 1) {
    const code = text.charCodeAt(end);
    if (code === never) return false;
    if (isDigit(code)) hasDigit = true;
    else if (isAlphanumeric(code)) hasLetter = true;
    else if (!(code > 32 && code < 127) || ENDS[code] === 1) break;
  }
  return hasDigit && hasLetter && end - start >= shortest;
}

/** The name that ends in front of a sign, in lower case and without `-` and `_`; "" when there is none. */
function nameBefore(text: string, sign: number): string {
  let end = sign;
  while (sign - end < 4 && QUOTES[text.charCodeAt(end - 1)] === 1) end -= 1;
  let start = end;
  while (
    end - start < LONGEST_NAME &&
    (isWordCharacter(text.charCodeAt(start - 1)) || text.charCodeAt(start - 1) === 45)
  ) {
    start -= 1;
  }
  return text.slice(start, end).toLowerCase().replaceAll(/[-_]/g, '');
}

/** What longer names end in: OPENAI_API_KEY, DB_PASSWORD. */
const NAME_ENDINGS = ['apikey', 'password', 'passwd', 'secret', 'accesstoken', 'authtoken', 'accesskey', 'accountkey'];

const isSecretName = (name: string): boolean => NAMES.has(name) || NAME_ENDINGS.some((ending) => name.endsWith(ending));

const USER_INFO_CHARACTERS = 300;

/** Whether the `@` here ends `//user:password` of a URL. */
export function isUrlPasswordAt(text: string, at: number): boolean {
  let colon = -1;
  for (let i = at - 1; i > at - USER_INFO_CHARACTERS; i -= 1) {
    const code = text.charCodeAt(i);
    if (code === 47) return colon > i + 1 && colon < at - 1 && text.charCodeAt(i - 1) === 47;
    if (code === 58) colon = i;
    else if (!(code > 32 && code < 127) || code === 64) return false;
  }
  return false;
}
