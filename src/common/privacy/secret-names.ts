/** What people call a password or a key, at the end of the text in front of it. */

import { SECRET_NAMES } from '../secret-shapes.js';

/** `secret` is none of `open-secret`; "boarding pass" has a number of its own. */
const WORD = '(?<![\\p{L}\\p{M}])';
const SEPARATOR = '[\\s._-]?';

/** A name in front of the colon and the password: `-u name:`, not that of Docker, which a group follows; `creds: name:`. */
const USER =
  `(?:(?<!(?:docker|podman)[^\\n]{0,40})\\s(?:-u|--user|--proxy-user)[ =]?|${WORD}(?:creds|credentials|logins?|zugangsdaten|` +
  'anmeldedaten|identifiants|credenciales)(?: (?:are|is|sind|sont|son))?:? )' +
  '["\'`]?(?!(?:https?|s?ftp|ssh|wss?|mailto|urn|file)(?![\\w.@-]))[\\w.@-]{1,32}';

/** A short value behind these is one already. */
const PASSWORDS = [
  'passwor[dt]',
  'passwd',
  'pwd',
  `${WORD}pw`,
  USER,
  'passcode',
  'passphrase',
  `${WORD}(?<!(?:boarding|bus|day|ski|travel|season) )pass`,
  'kennwort',
  'mots? de passe',
  'motdepasse',
  `${WORD}mdp`,
  'contraseñas?',
  'contrasena',
  `${WORD}senha`,
  'パスワード',
  'パスコード',
  '密码',
  '密碼',
  '口令',
  'пароль',
  '비밀번호',
];
const KEYS = [
  ...SECRET_NAMES.filter((name) => !/^(?:passw|pwd|sig$|secret$)/.test(name)).map((name) =>
    name.replaceAll(/[-_]/g, SEPARATOR),
  ),
  `${WORD}sig`,
  `api${SEPARATOR}(?:keys?|token|secret|schlüssel|キー|密钥|密鑰|키)`,
  `(?:access|auth|bearer|bot|deploy|personal|refresh|session|zugriffs?|zugangs?)${SEPARATOR}(?:token|key|schlüssel)`,
  `(?:secret|private|signing|encryption|license|account|subscription|client)${SEPARATOR}(?:key|secret)`,
  "clé (?:d')?(?:api|accès)",
  'clé (?:secrète|privée)',
  'clave (?:de (?:la )?)?(?:api|acceso|secreta|privada)',
  "jeton(?: d'(?:accès|api))?",
  `${WORD}token(?: de (?:acceso|api))?`,
  'トークン',
  '(?:アクセス|シークレット)(?:キー)?',
  '秘密鍵',
  '密钥',
  '密鑰',
  '令牌',
  '私钥',
  'secret',
];

/** What it is for: `password for the printer`. */
const PURPOSE = '(?: (?:for|of|to|on|für|zum|vom|im|de|du|del|des|pour|para) [^\\n:=.;]{1,24}?)?';
const SAYS = '(?:[^\\p{L}\\d\\n]{0,3}(?:is|ist|lautet|est|es|son|:|=|は|是|为|為|即|ですが)){0,2}';
const OPENS = '["\'`「『(*_\\s]{0,4}';

const ending = (names: readonly string[]): RegExp =>
  new RegExp(`(?:${names.join('|')})["'\`*_]{0,2}${PURPOSE}${SAYS}${OPENS}$`, 'iu');
const PASSWORD_BEFORE = ending(PASSWORDS);
const KEY_BEFORE = ending(KEYS);
/** Characters of a name and of all that stands between it and the value. */
const REACH = 64;

/** How a value is called whose text begins at a place. */
export function secretNameBefore(text: string, at: number): 'password' | 'key' | null {
  const before = text.slice(Math.max(0, at - REACH), at);
  if (PASSWORD_BEFORE.test(before)) return 'password';
  return KEY_BEFORE.test(before) ? 'key' : null;
}
