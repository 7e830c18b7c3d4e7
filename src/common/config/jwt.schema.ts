import { z } from 'zod';
import { isLoopbackUrl } from '../loopback.js';
import type { ConfigProblem } from './config-error.js';
import { emptyOr, httpUrl, name } from './config-scalars.js';

/** In `issuer`: the tenant that the token itself names. */
export const OWN_TENANT = '{tid}';
/** The claim that Microsoft Entra names the tenant in. */
export const ENTRA_TENANT_CLAIM = 'tid';

/** One text or a list of them; what `${VAR:-}` leaves empty is not there. */
export const textsOf = (value: string | readonly string[]): readonly string[] =>
  (typeof value === 'string' ? [value] : value).filter((text) => text !== '');

const oneOrMany = (problemOf: (text: string) => string | null) =>
  z
    .union([z.string(), z.array(z.string())], { error: 'expected one text or a list of them' })
    .default('')
    .superRefine((value, context) => {
      const isList = Array.isArray(value);
      for (const [i, text] of (isList ? value : [value]).entries()) {
        const message = text === '' ? null : problemOf(text);
        if (message !== null) context.addIssue({ code: 'custom', message, path: isList ? [i] : [] });
      }
    });

const PLACEHOLDER = /\{[^}]*\}/g;

function issuerProblem(text: string): string | null {
  if (!httpUrl.safeParse(text).success) return 'expected an http:// or https:// URL, exactly as the tokens have it';
  const strange = (text.match(PLACEHOLDER) ?? []).find((placeholder) => placeholder !== OWN_TENANT);
  return strange ? `"${strange}" is not known here; ${OWN_TENANT} stands for the tenant that a token names` : null;
}

/** It goes into a request: nothing that a caller could have a say in, and no password that a log could show. */
function keysProblem(text: string): string | null {
  const url = URL.parse(text);
  if (!url) return null;
  if (url.username !== '' || url.password !== '') return 'leave user and password out of the address';
  if (text.includes('{')) return 'a placeholder is not filled in here; write the tenant, or common, or organizations';
  if (url.protocol === 'https:' || isLoopbackUrl(url)) return null;
  return 'expected https://: who can change this answer can sign in as anybody; http:// is for this machine alone';
}

const claim = z.string().min(1).max(128);

/** `auth.jwt`: whose tokens are believed, and which of their claims are read. */
export const jwtSchema = z.strictObject({
  issuer: oneOrMany(issuerProblem).describe(
    'Who signs the tokens (claim iss), one or a list; {tid} stands for the tenant that a token names, which must be in tenants. Empty: no tokens are taken. docs/ENTRA.md.',
  ),
  audience: oneOrMany(() => null).describe('For whom the tokens must be (claim aud), one or a list.'),
  jwksUri: emptyOr(httpUrl)
    .superRefine((text, context) => {
      const message = text === '' ? null : keysProblem(text);
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .describe('Where the public keys of the issuer are; https. The only place that keys come from.'),
  tenantClaim: claim.default(ENTRA_TENANT_CLAIM).describe("Claim that names the caller's tenant."),
  userClaim: claim.default('sub').describe('Claim that names the user within the tenant; oid with Microsoft Entra.'),
  scopeClaims: z
    .array(claim)
    .min(1)
    .default(['scp', 'roles'])
    .describe('Claims that hold scopes, as text with blanks or a list: chat, admin, operator, or <app>.chat.'),
  tenants: z.array(name).default([]).describe('The only tenants whose tokens are taken; empty: all of the issuer.'),
});

export type JwtConfig = z.output<typeof jwtSchema>;

/** Whether tokens are taken at all. */
export const takesTokens = ({ issuer }: Pick<JwtConfig, 'issuer'>): boolean => textsOf(issuer).length > 0;

/** What the fields of `auth.jwt` lack of each other. */
export function jwtProblems(jwt: JwtConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const complain = (field: keyof JwtConfig, message: string) => problems.push({ path: `auth.jwt.${field}`, message });
  const [hasAudience, hasKeys] = [textsOf(jwt.audience).length > 0, jwt.jwksUri !== ''];
  if (!takesTokens(jwt)) {
    if (hasAudience || hasKeys || jwt.tenants.length > 0) {
      complain('issuer', 'missing; name who signs the tokens, or leave audience, jwksUri and tenants out too');
    }
    return problems;
  }
  if (!hasAudience) complain('audience', "missing; name this service's own, or tokens for any other would be taken");
  if (!hasKeys) complain('jwksUri', 'missing; name the address of the public keys of the issuer');
  if (textsOf(jwt.issuer).some((text) => text.includes(OWN_TENANT))) {
    if (jwt.tenants.length === 0) {
      complain(
        'tenants',
        `missing; with ${OWN_TENANT} in issuer anybody's tenant would be let in: list those that may`,
      );
    }
    if (jwt.tenantClaim !== ENTRA_TENANT_CLAIM) {
      complain(
        'tenantClaim',
        `with ${OWN_TENANT} in issuer tenants are told by tid; leave it at ${ENTRA_TENANT_CLAIM}`,
      );
    }
  }
  return problems;
}
