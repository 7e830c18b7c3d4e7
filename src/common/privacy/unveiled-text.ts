/**
 * Text as a reader sees it, so that what is looked for cannot be written in another way: full-width and mathematical
 * forms, digits of other scripts, dashes and blanks of all kinds in ASCII; invisible characters gone; the escapes of JSON,
 * URLs and HTML resolved.
 */

const VEILED = /[\\%&\u0080-\uffff]/;

/** Of JSON and JavaScript (RFC 8259 section 7), also one that was escaped more than once. */
const JSON_ESCAPE = /\\+(?:u([\da-fA-F]{4})|x([\da-fA-F]{2})|([nrt]))?/g;

function fromJson(escape: string, unicode?: string, latin?: string, control?: string): string {
  if (control !== undefined) return control === 't' ? ' ' : '\n';
  const code = parseInt(unicode ?? latin ?? '', 16);
  return code > 0 ? String.fromCharCode(code) : escape.replaceAll('\\', '');
}

/** A byte in a URL (RFC 3986 section 2.1), also where `%` itself was encoded; following bytes of UTF-8. */
const escapeOf = (byte: string): string => `%(?:25)*(?!25)(?:${byte})`;
const following = (bytes: number): string => `(?:${escapeOf('[89ab][\\da-f]')}){${bytes}}`;
/** Characters in UTF-8 (RFC 3629 section 4) but for control characters; other escapes are text, such as `LIKE '%DE89'`. */
const URL_ESCAPES = new RegExp(
  `(?:${escapeOf('[2-6][\\da-f]|7[\\da-e]')}|${escapeOf('c[2-9a-f]|d[\\da-f]')}${following(1)}` +
    `|${escapeOf('e[\\da-f]')}${following(2)}|${escapeOf('f[0-4]')}${following(3)}){1,64}`,
  'gi',
);

const fromUrl = (escapes: string): string => Buffer.from(escapes.replaceAll(/%(?:25)*/g, ''), 'hex').toString();

/** Character references of HTML. */
const ENTITY = /&(#?[\da-zA-Z]{1,14});/g;
/** Those that stand for characters looked for, or for nothing to be seen. */
const ENTITIES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ amp: '&', commat: '@', period: '.', plus: '+', hyphen: '-', dash: '-', ndash: '-', mdash: '-', colon: ':' },
    ...{ num: '#', lpar: '(', rpar: ')', sol: '/', quot: '"', apos: "'", lt: '<', gt: '>', lowbar: '_' },
    ...{ nbsp: ' ', ensp: ' ', emsp: ' ', shy: '', zwj: '', zwnj: '', lrm: '', rlm: '', ZeroWidthSpace: '' },
  }),
);

function fromHtml(reference: string, name: string): string {
  const code = name.startsWith('#') ? Number(`0${name.slice(1)}`) : 0;
  return code > 0 && code < GONE ? String.fromCharCode(code) : (ENTITIES.get(name) ?? reference);
}

/** Mathematical letters and digits (U+1D400 to U+1D7FF); tags, which nobody sees (U+E0000 to U+E007F). */
const PAIR = /\ud835[\udc00-\udfff]|\udb40[\udc00-\udfff]/g;
/** The full stop of Chinese and Japanese where it is one between the parts of a name (RFC 3490 section 3.1). */
const DOT = /(?<=[\dA-Za-z])[\u3002\uff61](?=[\dA-Za-z])/g;
/** Unicode's Default_Ignorable_Code_Point and format characters: zero-width, soft hyphen, bidi marks. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/u;
const DASH = /[\p{Pd}\u2212\u2043\u02d7]/u;
const BLANK = /[^\S\n]/;
const DECIMAL = /\p{Nd}/u;

const GONE = 0xffff;
/** What each UTF-16 unit stands for; filled as characters are met, as few of them ever are. */
// 0 = not met yet
const folds = new Uint16Array(0x10000);

function foldUnit(code: number): number {
  const character = String.fromCharCode(code);
  if (INVISIBLE.test(character)) return GONE;
  if (BLANK.test(character)) return 32;
  if (DASH.test(character)) return 45;
  const plain = character.normalize('NFKC');
  if (plain.length === 1 && plain !== character) return foldUnit(plain.charCodeAt(0));
  return DECIMAL.test(character) && code > 57 ? 48 + decimalValue(code) : code;
}

/** Every script's digits stand ten in a row, from 0 to 9 (Unicode, section 4.6). */
function decimalValue(code: number): number {
  let first = code;
  while (code - first < 9 && DECIMAL.test(String.fromCharCode(first - 1))) first -= 1;
  return (code - first) % 10;
}

/** One unit after the other by the table: a replacement by a pattern takes ten times as long, and some texts are all of it. */
function folded(text: string): string {
  const out = new Uint16Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    const plain = code < 128 ? code : folds[code] || (folds[code] = foldUnit(code));
    if (plain !== GONE) out[length++] = plain;
  }
  return Buffer.from(out.buffer, 0, length * 2).toString('utf16le');
}

/** The text in its plainest form; the same string where there is nothing to unveil. */
export function unveiled(text: string): string {
  if (!VEILED.test(text)) return text;
  const plain = text.replace(JSON_ESCAPE, fromJson).replace(URL_ESCAPES, fromUrl).replace(ENTITY, fromHtml);
  const pairs = plain.replace(PAIR, (pair) => (pair.startsWith('\udb40') ? '' : pair.normalize('NFKC')));
  return folded(pairs.replace(DOT, '.'));
}
