/** E-mail and IP addresses: told by their form. */

import { isIPv6 } from 'node:net';
import { isAt, matchAt } from './digit-groups.js';
import {
  ADDRESS_LABELS,
  hasLabel,
  isLabelled,
  isLabelledBehind,
  nearestLabel,
  RELEASE_LABELS,
  VERSION_LABELS,
  VISITOR_LABELS,
} from './label-words.js';
import { isUrlPasswordAt } from './private-secrets.js';

const LETTERS = '\\p{L}\\p{M}\\p{Nd}';
/** Roughly: whole blocks of scripts, and the pictures that some domains are made of. */
const SCRIPTS = `${LETTERS}\\p{So}\\u00c0-\\u1fff\\u2c00-\\u2fff\\u3040-\\ufdff\\u{10000}-\\u{10ffff}`;
/** RFC 5322 atext, or the quotation mark that ends a quoted local part; a domain (RFC 1035 section 2.3.4) and its end. */
const AT_DOMAIN = new RegExp(
  `(?<=[${SCRIPTS}!#$%&'*+/=?^_\`{|}~"-])` +
    `@(?:\\r?\\n)?((?:[${SCRIPTS}-]{1,63}\\.){1,126}(?:\\p{L}{2,24}|xn--[a-z0-9-]{2,59}))[.-]{0,63}(?![${LETTERS}.-])`,
  'iuy',
);
/** A mark of resolution in a file name (`logo@2x.png`), or a version: of a domain at most one part is all digits (163.com). */
const NO_DOMAIN = /^\dx\.|(?:^|\.)\d+\.(?:.*\.)?\d+\./;
const GIT = /(?<=(?<!\w)git)@/y;

/** Whether the `@` at this place is that of an e-mail address. */
export function isEmailAt(text: string, at: number): boolean {
  const [whole, domain] = matchAt(AT_DOMAIN, text, at) ?? [];
  if (whole === undefined || domain === undefined || NO_DOMAIN.test(domain)) return false;
  if (isUrlPasswordAt(text, at)) return false;
  // `git@host:path` and `ssh://git@host/path` are addresses of a repository
  return !isAt(GIT, text, at) || !(text[at + whole.length] === ':' || text.startsWith('//', at - '//git'.length));
}

/** `jane [at] example [dot] com`: written so that machines do not find it. */
const SPELT_OUT = new RegExp(
  `[([{] ?at ?(?<=[${SCRIPTS}] ?[([{] ?at ?)[)\\]}] ?[\\p{L}\\p{N}-]{1,63}(?: ?[([{] ?dot ?[)\\]}] ?|\\.)\\p{L}{2,24}`,
  'iuy',
);
/** `jane at example dot com`. Domains that are no words: "at polka dot patterns". */
const SPOKEN =
  /(?<= )at [\p{L}\p{N}-]{1,63} dot (?:com|org|net|edu|gov|info|co|io|ai|dev|app|eu|de|fr|es|nl|ch|uk|ca|jp|cn|ru|br|pl|se)(?![\p{L}\p{N}])/iuy;

/** Whether a bracket that begins here holds the `at` of an address. */
export const isSpeltOutEmailAt = (text: string, bracket: number): boolean => isAt(SPELT_OUT, text, bracket);

/** Whether the word `at` here is that of an address that is spelt out. */
export const isSpokenEmailAt = (text: string, at: number): boolean => isAt(SPOKEN, text, at);

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
/** Not those that are of no machine in particular: this network, this host, masks (RFC 1122 section 3.2.1.3). */
const IPV4 = new RegExp(`(?<![\\w.])(?!(?:0|127|255)\\.)${OCTET}(?:\\.${OCTET}){3}(?!\\w|\\.\\w)`, 'y');

/** An IPv4 address that begins here and is not called a version or a section. */
export const isIpv4At = (text: string, start: number): boolean =>
  isAt(IPV4, text, start) && !isSmallVersion(text, start, IPV4.lastIndex) && !isVersion(text, start);

const VERSION_REACH = 16;
/** Networks that nobody numbers versions like (RFC 1918), but for 10/8. */
const PRIVATE_NETWORK = /(?:192\.168|172\.(?:1[6-9]|2\d|3[01]))\./y;
/** What is called so behind it: `3.5.0.1 is the new firmware`. */
const CALLED_BEHIND = /\d{1,3}(?:\.\d{1,3}){3}[ (]{1,2}(?:(?:is|was|ist|war|est|es|era) (?:\p{L}+ ){0,2})?\p{L}+/uy;
/** Versions have small numbers, and of addresses not one in a thousand has; not 10/8, nor name servers such as 8.8.4.4. */
const SMALL_NUMBERS = /(?!10\.|(\d+)\.\1\.(\d+)\.\2(?!\d)|1\.0\.0\.1(?!\d))1?\d(?:\.(?:[12]?\d|3[01])){3}(?!\d)/y;
/** Signs of a URL or of a user in front; of a port, a network or a line of a log behind. */
const HOST_BEFORE = /(?<=\/\/|@|\[)/y;
const HOST_BEHIND = /[:/]\d|\]| - | "/y;

/** Whether four small numbers are a version, as nothing near them says that they are an address. */
const isSmallVersion = (text: string, start: number, end: number): boolean =>
  isAt(SMALL_NUMBERS, text, start) &&
  !isAt(HOST_BEFORE, text, start) &&
  !isAt(HOST_BEHIND, text, end) &&
  !isLabelled(text, start, ADDRESS_LABELS) &&
  !isLabelled(text, start, VISITOR_LABELS) &&
  !isLabelledBehind(text, end, ADDRESS_LABELS);

/** Signs that stand directly in front of a version: `pkg==1.2.3.4`, `>=`, `~>`, `^`; its name. */
const IS_VERSION = /(?<=[=<>~!]=|~>|\^|§ ?|version["' :=]{1,4})/iy;
/** What stands between two that are compared. */
const COMPARED =
  /^(?: (?:to|and|or|und|bis|auf|von|vs|gegenüber|a|hasta|y|e|vers|à|et) |, ?| ?(?:->|-|\/|から|到|至|和|と|[升降]级?[到至]) ?)$/;
const DOTTED_BEFORE = /(?<![\w.])(\d{1,4}\.)\d{1,6}(?:\.\d{1,6}){0,3}(?!\w|\.\d)((?:[^\d\n]|\d(?!\d{0,3}\.\d)){0,40})$/;
const DOTTED_REACH = 64;
const MOST_COMPARED = 4;

/**
 * Whether the four numbers at `start` are called a version, or follow a version: compared with it, or of the same first
 * number (`2.0.1.5 mends what 2.0.1.4 broke`) with no word of an address between.
 */
function isVersion(text: string, start: number): boolean {
  if (isCalledVersion(text, start)) return true;
  if (isAt(PRIVATE_NETWORK, text, start)) return false;
  const [called] = matchAt(CALLED_BEHIND, text, start) ?? [];
  if (called !== undefined && hasLabel(called, RELEASE_LABELS) && !isLabelled(text, start, ADDRESS_LABELS)) return true;
  for (let at = start, count = 0; count < MOST_COMPARED; count += 1) {
    if (nearestLabel(text, at, ADDRESS_LABELS, RELEASE_LABELS) === RELEASE_LABELS) return true;
    const [whole, first, between] = DOTTED_BEFORE.exec(text.slice(Math.max(0, at - DOTTED_REACH), at)) ?? [];
    if (whole === undefined || first === undefined || between === undefined) return false;
    if (!COMPARED.test(between) && (!text.startsWith(first, start) || hasLabel(between, ADDRESS_LABELS))) return false;
    at -= whole.length;
    if (isCalledVersion(text, at)) return true;
  }
  return false;
}

const isCalledVersion = (text: string, at: number): boolean =>
  isAt(IS_VERSION, text, at) ||
  (isLabelled(text, at, VERSION_LABELS, VERSION_REACH) &&
    nearestLabel(text, at, ADDRESS_LABELS, VERSION_LABELS) !== ADDRESS_LABELS);

/** The run of hexadecimal digits and colons that has its first colon here. */
const COLON_RUN = /(?<=(?<![a-z\d:])([a-f\d]{0,4})):[a-f\d:]{1,38}(?![\w:])/iy;
const SHORTEST_IPV6 = 6;

/** An IPv6 address with its first colon here, and with a digit in it, which C++ names such as `a::b` have not. */
export function isIpv6At(text: string, colon: number): boolean {
  const [rest = '', first = ''] = matchAt(COLON_RUN, text, colon) ?? [];
  const address = first + rest;
  return address.length >= SHORTEST_IPV6 && /\d/.test(address) && isIPv6(address);
}
