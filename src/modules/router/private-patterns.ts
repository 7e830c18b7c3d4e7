import { isIPv6 } from 'node:net';

/** Telephone and social security numbers and addresses: no check digit tells these, only how they are written. */

const SSN = /(?<![\d-])(\d{3})([- ])(\d{2})\2(\d{4})(?![\d-])/g;
const BARE_SSN = /(?:\bssn\b|social security)[^\d\n]{0,30}(\d{3})(\d{2})(\d{4})(?!\d)/gi;
/** Printed in advertisements and void for that reason. */
const VOID_SSNS = new Set(['078051120', '219099999']);

/** A US social security number whose area, group and serial can exist (SSA: no 000, 666 or 9xx area, no 00, no 0000). */
export function hasSsn(text: string): boolean {
  for (const [, area, , group, serial] of text.matchAll(SSN)) if (isSsn(area!, group!, serial!)) return true;
  for (const [, area, group, serial] of text.matchAll(BARE_SSN)) if (isSsn(area!, group!, serial!)) return true;
  return false;
}

const isSsn = (area: string, group: string, serial: string): boolean =>
  area !== '000' &&
  area !== '666' &&
  area < '900' &&
  group !== '00' &&
  serial !== '0000' &&
  !VOID_SSNS.has(area + group + serial);

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`(?<![\\w.])(?:${OCTET}\\.){3}${OCTET}(?!\\.?\\w)`, 'g');
const VERSION_BEFORE = /(?:\bv|\bver|\bversion|\brelease|\bbuild|\bfirmware|版本)\W{0,3}$/i;
const IPV6 = /(?<![\w:])[0-9A-Fa-f:]{6,39}(?![\w:])/g;
const LABEL_CHARACTERS = 24;

/** An IPv4 address with valid octets that is not called a version, or an IPv6 address. */
export function hasIpAddress(text: string): boolean {
  for (const { index } of text.matchAll(IPV4)) {
    if (!VERSION_BEFORE.test(text.slice(Math.max(0, index - LABEL_CHARACTERS), index))) return true;
  }
  for (const [candidate] of text.matchAll(IPV6)) {
    if (/\d/.test(candidate) && isIPv6(candidate)) return true;
  }
  return false;
}

const PHONE_CANDIDATE = /(?<![\w.,/-])(?:\+|\()?\d[\d ().\u00a0/-]{5,22}\d(?![\w-])/g;
/** Then a leading 0 is no prefix but the middle of a longer number. */
const GROUP_BEFORE = /\d[ \u00a0]?$/;
const PHONE_LABEL =
  /(?:\b(?:phone|tel|telephone|telefon|tel[eé]fono|t[eé]l[eé]phone|mobile|mobil|m[oó]vil|cell|handy|call|fax|whatsapp|sms|text me)\b|电话|手机|手机号)[^\d\n]{0,16}$/i;
const DATE = /^\(?(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4})(?!\d)/;
const NORTH_AMERICAN = /^(?:\+?1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?!\d)/;
/** With the national prefix 0 and at least one separator. */
const NATIONAL = /^\(?0[1-9]\d{0,4}\)?(?:[ /.-]{1,3}\d{2,8}){1,4}(?!\d)/;
/** Written without separators: mobile numbers of China, the United Kingdom, Germany and France. */
const BARE_MOBILE = /^(?:1[3-9]\d{9}|07\d{9}|01[5-7]\d{8,9}|0[67]\d{8})(?!\d)/;

/** A telephone number: international, North American, national with separators, a mobile one, or one called so. */
export function hasPhone(text: string): boolean {
  PHONE_CANDIDATE.lastIndex = 0;
  for (let found = PHONE_CANDIDATE.exec(text); found; found = PHONE_CANDIDATE.exec(text)) {
    const [candidate] = found;
    if (isPhone(candidate, text.slice(Math.max(0, found.index - 2 * LABEL_CHARACTERS), found.index))) return true;
    // a number in front of a telephone number must not hide it
    PHONE_CANDIDATE.lastIndex = found.index + (/^\D?\d+/.exec(candidate)?.[0].length ?? 1);
  }
  return false;
}

/** @param candidate up to 25 characters that begin with a number; more may follow it */
function isPhone(candidate: string, before: string): boolean {
  const digits = digitsOf(candidate);
  if (digits < 7 || DATE.test(candidate)) return false;
  if (candidate.startsWith('+')) return digits >= 8;
  if (NORTH_AMERICAN.test(candidate) || BARE_MOBILE.test(candidate)) return true;
  if (GROUP_BEFORE.test(before)) return false;
  if (/^00[1-9]/.test(candidate)) return digits >= 8;
  const national = digitsOf(NATIONAL.exec(candidate)?.[0] ?? '');
  return (national >= 9 && national <= 12) || PHONE_LABEL.test(before);
}

const digitsOf = (text: string): number => text.replace(/\D/g, '').length;
