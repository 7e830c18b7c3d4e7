import { SCOPES, type Scope } from '../../common/caller.js';
import { name } from '../../common/config/config-scalars.js';
import { OWN_TENANT, textsOf, type JwtConfig } from '../../common/config/jwt.schema.js';
import { ownField, type Fields } from '../../common/json/fields.js';

/** Clocks of issuer and service may differ so much, seconds. */
export const LEEWAY_SECONDS = 60;

/** Who a token is for. */
export interface JwtSubject {
  readonly tenant: string;
  readonly user: string;
  readonly scopes: readonly Scope[];
}

/** An identifier of a user: ASCII (OpenID Connect Core section 2, `sub`) without blanks, as long as names of ours. */
const USER = /^[\x21-\x7e]{1,128}$/;
/** A scope of ours, bare or behind one name and a dot: `chat`, `router.chat`. */
const OUR_SCOPE = new RegExp(`^(?:[^.\\s]{1,128}\\.)?(${SCOPES.join('|')})$`);
const MOST_SCOPES = 200;
/** Only in ID tokens (OpenID Connect Core section 3.3.2.11), which say who somebody is to a program that signs him in. */
const OF_ID_TOKENS = ['at_hash', 'c_hash'];
/** What tokens of Keycloak (claim `typ`) and Cognito (`token_use`) that open no API call themselves. */
const NOT_FOR_APIS: ReadonlySet<unknown> = new Set(['ID', 'id', 'Refresh', 'Offline', 'Logout']);
/** The issuers of Microsoft Entra, versions 1 and 2, in every cloud. */
const ENTRA_ISSUER = /^https:\/\/[^/]+\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/(?:v2\.0)?$/;

const textIn = (claims: Fields, claim: string): string | null => {
  const value = ownField(claims, claim);
  return typeof value === 'string' ? value : null;
};

/**
 * Whether the issuer is one of ours. Entra signs for all its tenants with the same keys, so the tenant in `iss` and the
 * one in `tid` have to be the same, and `{tid}` stands for those alone that are listed.
 */
export function isOurIssuer(claims: Fields, { issuer, tenants }: JwtConfig): boolean {
  const [iss, tid] = [textIn(claims, 'iss'), textIn(claims, 'tid')];
  if (iss === null) return false;
  const named = ENTRA_ISSUER.exec(iss)?.[1];
  if (named !== undefined && tid !== null && named !== tid) return false;
  return textsOf(issuer).some((text) => {
    if (!text.includes(OWN_TENANT)) return text === iss;
    return tid !== null && tenants.includes(tid) && text.replaceAll(OWN_TENANT, tid) === iss;
  });
}

/** Whether the token is for this service (RFC 7519 section 4.1.3). */
export function isForUs({ aud }: Fields, { audience }: JwtConfig): boolean {
  const ours = textsOf(audience);
  return (Array.isArray(aud) ? (aud as unknown[]) : [aud]).some((one) => ours.includes(one as string));
}

/** `expired`, or `wrong` for one without an end (RFC 7519 section 4.1.4) or before its beginning. @param now seconds */
export function problemOfTime({ exp, nbf }: Fields, now: number): 'expired' | 'wrong' | null {
  if (typeof exp !== 'number' || (nbf !== undefined && typeof nbf !== 'number')) return 'wrong';
  if (nbf !== undefined && nbf > now + LEEWAY_SECONDS) return 'wrong';
  return exp <= now - LEEWAY_SECONDS ? 'expired' : null;
}

/**
 * Who a token with these claims is for, and what it may do. Names become keys of stores and fields of logs, so they are
 * bounded. `null` when the tenant may not use this service or nobody is named, and for a token that holds no scope at
 * all, ours or not: it was not made for an API.
 */
export function subjectOf(claims: Fields, jwt: JwtConfig): JwtSubject | null {
  const [tenant, user] = [textIn(claims, jwt.tenantClaim), textIn(claims, jwt.userClaim)];
  if (tenant === null || !name.safeParse(tenant).success || user === null || !USER.test(user)) return null;
  if (jwt.tenants.length > 0 && !jwt.tenants.includes(tenant)) return null;
  if (!isAccessToken(claims)) return null;
  const held = jwt.scopeClaims.flatMap((claim) => scopesIn(ownField(claims, claim)));
  return held.length === 0 ? null : { tenant, user, scopes: oursOf(held) };
}

/**
 * ID tokens hold the roles of their user too, and are for us where a program and the service are one registration. A
 * `nonce` is that of a sign-in (OpenID Connect Core section 2), which only Keycloak before 25 has in access tokens. Those
 * of Entra name the program that they were given to, `appid` in version 1, `azp` in version 2, and ID tokens do not.
 */
function isAccessToken(claims: Fields): boolean {
  const type = textIn(claims, 'typ');
  if (NOT_FOR_APIS.has(type) || NOT_FOR_APIS.has(textIn(claims, 'token_use'))) return false;
  if (OF_ID_TOKENS.some((claim) => Object.hasOwn(claims, claim))) return false;
  if (Object.hasOwn(claims, 'nonce') && type !== 'Bearer') return false;
  if (!ENTRA_ISSUER.test(textIn(claims, 'iss') ?? '')) return true;
  return Boolean(textIn(claims, 'azp') ?? textIn(claims, 'appid'));
}

/** `scp` is text with blanks (RFC 8693 section 4.2), `roles` a list. */
function scopesIn(value: unknown): string[] {
  const entries = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? (value as unknown[]) : [];
  return entries.slice(0, MOST_SCOPES).filter((one): one is string => typeof one === 'string' && one !== '');
}

const oursOf = (held: readonly string[]): readonly Scope[] =>
  SCOPES.filter((scope) => held.some((one) => OUR_SCOPE.exec(one)?.[1] === scope));
