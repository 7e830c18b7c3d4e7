/** Keys, tokens and passwords: by the shapes of their issuers, or by what stands in front of them. */

import { PRIVATE_KEY_BLOCK, SECRET_SHAPES } from '../secret-shapes.js';
import { isAt, matchAt } from './digit-groups.js';
import { secretNameBefore } from './secret-names.js';

/** What a secret of one piece may have in it, of ASCII without blanks. */
const PIECE = '[\\w!#$%*+./?@\\\\^|~-]';
/** Letters and digits: `password: string` gives no secret. */
const secretOf = (shortest: number): string => `(?=${PIECE}{0,255}\\d)(?=${PIECE}{0,255}[A-Za-z])${PIECE}{${shortest}}`;
const SECRET = secretOf(8);

/** A name such as `sk-learn-pipeline-example` has neither a digit nor an unbroken random part. */
const RANDOM = '(?=[\\w-]{0,255}\\d)(?=[\\w-]{0,240}[A-Za-z0-9]{16})';
const KEY = new RegExp(
  SECRET_SHAPES.map(({ prefix, rest, doubtful }) => {
    const key = `${prefix.replaceAll('.', '\\.')}(?=[A-Za-z0-9])`;
    return doubtful ? `(?<![-_])${key}${RANDOM}${rest}` : key + rest;
  }).join('|'),
  'y',
);
/** `Bearer <token>` in running text. */
const BEARER = new RegExp(`bearer\\s+${secretOf(16)}`, 'iy');

/** The first two characters of a key, for a quick no. */
const pairOf = (text: string, at: number): number => (text.charCodeAt(at) << 7) | (text.charCodeAt(at + 1) & 0x7f);
const STARTS = new Uint8Array(1 << 14);
const PREFIXES = new Map<number, string[]>();
for (const prefix of [...SECRET_SHAPES.map((shape) => shape.prefix), 'bearer', 'Bearer', 'BEARER']) {
  const pair = pairOf(prefix, 0);
  STARTS[pair] = 1;
  PREFIXES.set(pair, [...(PREFIXES.get(pair) ?? []), prefix]);
}

/** Whether the word that begins here begins as a key does. */
export function mayBeSecretAt(text: string, start: number): boolean {
  const pair = pairOf(text, start);
  if (STARTS[pair] !== 1) return false;
  for (const prefix of PREFIXES.get(pair)!) if (text.startsWith(prefix, start)) return true;
  return false;
}

/** Whether a key of a known issuer, or `Bearer` and a token, begins at the word that begins here. */
export const isSecretAt = (text: string, start: number): boolean => isAt(KEY, text, start) || isAt(BEARER, text, start);

const BLOCK = new RegExp(PRIVATE_KEY_BLOCK, 'y');

/** Whether the armour of a private key begins here. */
export const isPrivateKeyAt = (text: string, start: number): boolean => isAt(BLOCK, text, start);

/** What is written in the place of a secret: algorithms, formats, types, where it comes from. */
const NO_VALUE = new RegExp(
  '(?:sha-?\\d|md5|base\\d\\d|argon2|bcrypt|scrypt|pbkdf2|hs\\d{3}|rs\\d{3}|es\\d{3}|aes|rsa|ed25519|oauth|utf-?\\d|u?int\\d|float\\d' +
    '|varchar|char\\d|string|number|min\\d|max\\d|v\\d|(?:process|os|import|config|settings|env|secrets|vars?|self|this|req|user|args)\\.)',
  'iy',
);
const LONG_ENOUGH = new RegExp(SECRET, 'y');
const AS_PASSWORD = new RegExp(secretOf(6), 'y');

/** Whether a value of letters and digits begins here, and the words in front call it a password or a key. */
function isCalledSecret(text: string, value: number): boolean {
  if (!isAt(AS_PASSWORD, text, value) || isAt(NO_VALUE, text, value)) return false;
  const name = secretNameBefore(text, value);
  return name === 'password' || (name === 'key' && isAt(LONG_ENOUGH, text, value));
}

const GIVEN = /[=:]["'` ]{0,4}(?:(?:bearer|basic|apikey)\s+)?/iy;

/** Whether the `=` or `:` here gives a value to something that is called a secret: `api_key=...`, `"password": "..."`. */
export function isNamedSecretAt(text: string, sign: number): boolean {
  const [given] = matchAt(GIVEN, text, sign) ?? [];
  if (given === undefined) return false;
  const value = sign + given.length;
  if (!isAt(AS_PASSWORD, text, value)) return false;
  if (!/[a-z]\s+$/i.test(given)) return isCalledSecret(text, value);
  return isAt(LONG_ENOUGH, text, value) && secretNameBefore(text, sign) !== null;
}

/** A value such as `256-bit` or `x86-only` is an adjective, but for one in quotation marks. */
const SAID = new RegExp(
  `(?:is|es|ist|est|lautet) (?:["'\`]| ?(?!\\w{0,8}\\d-[a-z]+(?![\\w!#$%&*+-])))(?=${PIECE})`,
  'iy',
);

/** Whether the `is` here says what a password or a key is: `my password is ...`. */
export function isSaidSecretAt(text: string, is: number): boolean {
  const [said] = matchAt(SAID, text, is) ?? [];
  return said !== undefined && isCalledSecret(text, is + said.length);
}

/** Of a Telegram bot: its number and the token. */
const TELEGRAM = /(?<=(?<!\d)\d{8,10}):AA[\w-]{32,34}(?![\w-])/y;

/** Whether the colon here is that of the token of a Telegram bot. */
export const isBotTokenAt = (text: string, colon: number): boolean => isAt(TELEGRAM, text, colon);

const PASSWORD_FLAG = new RegExp(`-(?:p ?|a |w )["'\`]?(?=${secretOf(6)})`, 'y');
/** Programs to which it gives a password, and their other options in front of it. */
const PROGRAM =
  /(?<!\w)(?:sshpass|(?:mysql|mariadb)(?:-?(?:dump|admin|import|check|show))?|redis-cli|ldap(?:search|modify|add|delete|whoami)|7z[ar]?)(?: [^\n;|]{0,80})? $/;
const PROGRAM_REACH = 96;

/** Whether the `-` here gives a password to a program: `mysql -p...`, `sshpass -p ...`. */
export const isFlagSecretAt = (text: string, hyphen: number): boolean =>
  isAt(PASSWORD_FLAG, text, hyphen) && PROGRAM.test(text.slice(Math.max(0, hyphen - PROGRAM_REACH), hyphen));

const SHORTEST_PASSWORD = 6;
const SHORTEST_RANDOM = 32;
const FIRST_CJK = 0x3000;

/** Whether a character of a script without blanks stands there that may say what a password is: `は`, `是`, `为`, `「`. */
export const saysCjk = (code: number): boolean =>
  code >= FIRST_CJK && (code === 0x306f || code === 0x662f || code === 0x4e3a || code === 0x70ba || code === 0x300c);

/** Whether the word of letters and digits can stand directly behind its name (`api key 1a2b...`) or is long enough to need none. */
export function mayBeTokenAt(text: string, start: number, end: number): boolean {
  if (end - start < SHORTEST_PASSWORD) return false;
  if (end - start >= SHORTEST_RANDOM) return true;
  const before = text.charCodeAt(start - 1);
  return before >= FIRST_CJK || (BEFORE_VALUE.has(before) && mayEndName(text.charCodeAt(start - 2)));
}
/** Blank, quotation marks, bracket. */
const BEFORE_VALUE: ReadonlySet<number> = new Set(Array.from(' "\'(`', (sign) => sign.charCodeAt(0)));
/** The last letters of names, as in `key`, `token`, `password`, `Passwort`, `contraseña`, `mot de passe`, `api`, `pw`; blanks and CJK. */
const NAME_ENDS: ReadonlySet<number> = new Set(Array.from('ydntelaisw" (', (sign) => sign.charCodeAt(0)));
const mayEndName = (code: number): boolean => code >= FIRST_CJK || NAME_ENDS.has(code | 0x20) || NAME_ENDS.has(code);

/** Whether the word with digits in it that begins here is called a secret, or is too random for anything else. */
export const isTokenAt = (text: string, start: number): boolean =>
  isCalledSecret(text, start) || isRandomAt(text, start);

const RANDOM_PIECE = /(?<![\w+/=.%#&?@:~-])[A-Za-z\d]{32,64}(?![\w+/=%-]|\.\w)/y;
/** Others are as random: digests, names in a store, wallets. */
const NAMED_OTHERWISE =
  /(?:id|ids|hash|digest|sha\d*|md5|etag|nonce|checksum|address|wallet|txid|tx|cursor|fingerprint|signature|integrity|cid|ref|slug|blob|image|commit|block)["'`\s:=]{0,4}$/i;
const WALLET = /^(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|Qm\w{44})$/;
const NAME_REACH = 20;
/** Bits a character; 32 random letters and digits have 4.4 on average, words written together under 4. */
const LEAST_ENTROPY = 4.1;
const FEWEST_DIGITS = 3;
const FEWEST_CHANGES = 10;

/** Large and small letters and digits in no order, long enough to be meant as a key. */
function isRandomAt(text: string, start: number): boolean {
  const [piece] = matchAt(RANDOM_PIECE, text, start) ?? [];
  if (piece === undefined || WALLET.test(piece) || !/[A-Z]/.test(piece) || !/[a-z]/.test(piece)) return false;
  if (NAMED_OTHERWISE.test(text.slice(Math.max(0, start - NAME_REACH), start))) return false;
  const changes = piece.match(/[a-z](?=[A-Z\d])|[A-Z](?=\d|[a-z])|\d(?=[A-Za-z])/g)?.length ?? 0;
  const digits = piece.match(/\d/g)?.length ?? 0;
  return digits >= FEWEST_DIGITS && changes >= FEWEST_CHANGES && entropy(piece) >= LEAST_ENTROPY;
}

/** Shannon's, bits a character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** `//user:password` of a URL, and its `@`. */
const URL_PASSWORD = /(?<=\/\/[!-.0-9;-?A-~]{1,300}:[!-.0-?A-~]{1,300})@/y;

/** Whether the `@` here ends `//user:password` of a URL. */
export const isUrlPasswordAt = (text: string, at: number): boolean => isAt(URL_PASSWORD, text, at);
