/** Keys, tokens and passwords: by the shapes of their issuers, or by what stands in front of them. */

import { PRIVATE_KEY_BLOCK, SECRET_NAMES, SECRET_SHAPES } from '../secret-shapes.js';
import { isAt } from './digit-groups.js';

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
for (const { prefix } of SECRET_SHAPES) STARTS[pairOf(prefix, 0)] = 1;
for (const bearer of ['be', 'Be', 'BE', 'bE']) STARTS[pairOf(bearer, 0)] = 1;

/** Whether the word that begins here begins as a key does. */
export const mayBeSecretAt = (text: string, start: number): boolean => STARTS[pairOf(text, start)] === 1;

/** Whether a key of a known issuer, or `Bearer` and a token, begins at the word that begins here. */
export const isSecretAt = (text: string, start: number): boolean => isAt(KEY, text, start) || isAt(BEARER, text, start);

const BLOCK = new RegExp(PRIVATE_KEY_BLOCK, 'y');

/** Whether the armour of a private key begins here. */
export const isPrivateKeyAt = (text: string, start: number): boolean => isAt(BLOCK, text, start);

/** What longer names end in: OPENAI_API_KEY, DB_PASSWORD. */
const NAME_END = /(?:apikey|password|passwd|secret|accesstoken|authtoken|accesskey|accountkey)$/;
const NAMES: ReadonlySet<string> = new Set(SECRET_NAMES.map((name) => name.replaceAll(/[-_]/g, '')));
const NAME = /([\w-]*)["'`\s]{0,4}$/;
const NAME_REACH = 36;

const isSecretName = (name: string): boolean => NAMES.has(name) || NAME_END.test(name);

/** The name that ends in front of a place, in lower case and without `-` and `_`; "" when there is none. */
const nameBefore = (text: string, at: number): string =>
  NAME.exec(text.slice(Math.max(0, at - NAME_REACH), Math.max(0, at)))![1]!
    .toLowerCase()
    .replaceAll(/[-_]/g, '');

const GIVEN = new RegExp(`[=:]["'\` ]{0,4}(?:${SECRET}|(?:bearer|basic|apikey)\\s+${SECRET})`, 'iy');

/** Whether the `=` or `:` here gives a value to something that is called a secret: `api_key=...`, `"password": "..."`. */
export const isNamedSecretAt = (text: string, sign: number): boolean =>
  isAt(GIVEN, text, sign) && isSecretName(nameBefore(text, sign));

/** A value with a hyphen is an adjective. */
const SAID = new RegExp(`is ["'\` ]?(?!${PIECE}{0,255}-)${SECRET}`, 'iy');
/** Besides those that are written. */
const SPOKEN_NAME = /^(?:passcode|passphrase|secretkey)$/;

/** Whether the `is` here says what a password or a key is: `my password is ...`; names are of one word or two. */
export function isSaidSecretAt(text: string, is: number): boolean {
  if (!isAt(SAID, text, is)) return false;
  const name = nameBefore(text, is - 1);
  const names = [name, nameBefore(text, is - 2 - name.length) + name];
  return names.some((spoken) => SPOKEN_NAME.test(spoken) || isSecretName(spoken));
}

/** `//user:password` of a URL, and its `@`. */
const URL_PASSWORD = /(?<=\/\/[!-.0-9;-?A-~]{1,300}:[!-.0-?A-~]{1,300})@/y;

/** Whether the `@` here ends `//user:password` of a URL. */
export const isUrlPasswordAt = (text: string, at: number): boolean => isAt(URL_PASSWORD, text, at);
