/** The request headers a credential may come in; nothing else of a request says who is calling. */
export interface CredentialHeaders {
  readonly authorization?: string | undefined;
  readonly 'x-api-key'?: string | string[] | undefined;
  readonly 'api-key'?: string | string[] | undefined;
}

const BEARER = 'bearer ';

/** `null` when the header is there but holds no Bearer credential. The scheme is case-insensitive (RFC 9110 section 11.1). */
function bearerToken(authorization: string): string | null {
  const text = authorization.trim();
  return text.slice(0, BEARER.length).toLowerCase() === BEARER ? text.slice(BEARER.length).trimStart() : null;
}

/**
 * The one credential of a request, from `Authorization: Bearer`, `x-api-key` or `api-key`. The same value in several
 * headers counts once. `null` when there is none, when a header is empty or of another scheme, or when two headers
 * differ: which of two identities is meant is not ours to guess.
 */
export function credentialOf(headers: CredentialHeaders): string | null {
  let found: string | null = null;
  for (const name of ['authorization', 'x-api-key', 'api-key'] as const) {
    const header = headers[name];
    if (header === undefined) continue;
    for (const text of Array.isArray(header) ? header : [header]) {
      const value = name === 'authorization' ? bearerToken(text) : text.trim();
      if (!value || (found !== null && found !== value)) return null;
      found = value;
    }
  }
  return found;
}
