import { isFields, type Fields } from '../../common/json/fields.js';

/**
 * The signatures that are taken: all made with a private key, so that what checks them cannot make them (RFC 8725
 * sections 3.1 and 3.2). What a token says of its own `alg` chooses among these and no others.
 */
export const ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Tokens of Entra with 200 groups have 10,000 characters; no header that Node reads has 16,384. */
const MOST_CHARACTERS = 12_288;
const MOST_KEY_ID = 256;
const PARTS = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;
/** RFC 9068 section 4 for `at+jwt`; other kinds (`logout+jwt`, `dpop+jwt`) say nothing about a caller. */
const ACCESS_TOKEN_TYPES: ReadonlySet<unknown> = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);

/** What a token says of itself. Nothing of it is believed before its signature has been checked. */
export interface JwtOutline {
  readonly alg: string;
  readonly keyId: string | undefined;
  readonly claims: Fields;
}

/** Reads a token without checking it, for all that makes a check needless. `null` for what cannot be one of ours. */
export function outlineOf(token: string): JwtOutline | null {
  if (token.length > MOST_CHARACTERS) return null;
  const parts = PARTS.exec(token);
  const header = parts && fieldsIn(parts[1]!);
  if (!header || !ALGORITHMS.includes(header['alg'] as string) || header['crit'] !== undefined) return null;
  const { alg, kid, typ } = header;
  if (!ACCESS_TOKEN_TYPES.has(typeof typ === 'string' ? typ.toLowerCase() : typ)) return null;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MOST_KEY_ID)) return null;
  const claims = fieldsIn(parts[2]!);
  return claims && { alg: alg as string, keyId: kid, claims };
}

function fieldsIn(part: string): Fields | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return isFields(value) ? value : null;
  } catch {
    return null; // whatever it is, it is no token
  }
}
