import { isDeepStrictEqual } from 'node:util';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { CryptoKey, JWTPayload } from 'jose';
import { RateLimitExceeded, TokenExpired } from '../../common/app-error.js';
import { BoundedMap } from '../../common/bounded-map.js';
import type { Caller } from '../../common/caller.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { takesTokens, textsOf, type JwtConfig } from '../../common/config/jwt.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { isForUs, isOurIssuer, LEEWAY_SECONDS, problemOfTime, subjectOf, type JwtSubject } from './jwt-claims.js';
import { ALGORITHMS, outlineOf, type JwtOutline } from './jwt-outline.js';
import { knownCaller } from './known-caller.js';
import { SignatureChecks } from './signature-checks.js';
import { SigningKeys } from './signing-keys.js';

/** So long a token that was checked is let in without another look, and never past its `exp`. */
const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 10_000;

/** What one configuration lets in. A reload makes a new one, which remembers nothing. */
interface Desk {
  readonly jwt: JwtConfig;
  readonly limits: RouterConfig['limits'];
  readonly keys: SigningKeys;
  readonly remembered: BoundedMap<string, { readonly caller: Caller; readonly until: number }>;
  /** Tokens whose signature is being checked: many requests with one new token have it checked once. */
  readonly checking: Map<string, Promise<Caller | null>>;
}

/** A token that is right as far as can be said without its key, and where it came from. */
interface Claimed {
  readonly outline: JwtOutline;
  readonly token: string;
  readonly digest: string;
  readonly address: string;
  readonly subject: JwtSubject;
}

const expired = (): TokenExpired => new TokenExpired('The token has expired. Send a new one.');

/** Who the bearers of JSON Web Tokens (RFC 7519, RFC 8725) are, under the configuration in force. */
@Injectable()
export class JwtSignIn implements OnApplicationShutdown {
  private desk: Desk | null = null;
  private readonly checks = new SignatureChecks();

  constructor(config: LiveConfig) {
    this.open(config.current);
    config.onChange((next) => this.open(next));
  }

  /** Whose token this is, if it was checked a short while ago. @param digest SHA-256 of the token */
  remembered(digest: string): Caller | null {
    const found = this.desk?.remembered.get(digest);
    if (!found) return null;
    if (Date.now() < found.until) return found.caller;
    this.desk?.remembered.delete(digest);
    return null;
  }

  /**
   * Whose token this is; `null` for everything that is none of a caller of this service. What needs no key is looked at
   * first, and what is wrong then costs no check of a signature.
   *
   * @param digest SHA-256 of the token
   * @param address of the caller
   * @throws TokenExpired, Overloaded while the keys of the issuer cannot be had, RateLimitExceeded while too many tokens
   *   with wrong signatures come
   */
  async identify(token: string, digest: string, address: string): Promise<Caller | null> {
    const { desk } = this;
    const outline = desk && outlineOf(token);
    if (!outline || !isOurIssuer(outline.claims, desk.jwt) || !isForUs(outline.claims, desk.jwt)) return null;
    const problem = problemOfTime(outline.claims, Date.now() / 1000);
    if (problem === 'expired') throw expired();
    const subject = problem === null ? subjectOf(outline.claims, desk.jwt) : null;
    if (!subject) return null;
    const running = desk.checking.get(digest) ?? this.check(desk, { token, digest, address, subject, outline });
    desk.checking.set(digest, running);
    try {
      return await running;
    } finally {
      desk.checking.delete(digest);
    }
  }

  onApplicationShutdown(): void {
    this.desk?.keys.stop();
  }

  /** The keys outlive a reload: their address may be away just then. */
  private open({ auth: { jwt }, limits }: RouterConfig): void {
    const { desk } = this;
    const kept = desk?.keys.uri === jwt.jwksUri ? desk.keys : null;
    if (desk && isDeepStrictEqual([desk.jwt, desk.limits], [jwt, limits])) return;
    const keys = takesTokens(jwt) ? (kept ?? new SigningKeys(jwt.jwksUri)) : null;
    if (desk && desk.keys !== keys) desk.keys.stop();
    this.desk = keys && { jwt, limits, keys, remembered: new BoundedMap(MOST_REMEMBERED), checking: new Map() };
  }

  private async check(desk: Desk, { token, digest, address, subject, outline }: Claimed): Promise<Caller | null> {
    if (!(await desk.keys.has(outline.keyId))) return null;
    const check = this.checks.begin(address, subject, performance.now());
    if (!check) throw new RateLimitExceeded('Too many tokens with wrong signatures came. Send yours again.', 1);
    const claims = await this.verified(desk, token, outline);
    if (!claims || !isOurIssuer(claims, desk.jwt)) return null;
    const proven = subjectOf(claims, desk.jwt);
    if (!proven) return null;
    this.checks.wasRight(check, performance.now());
    const caller = knownCaller(proven, desk.limits);
    const until = Math.min(Date.now() + REMEMBERED_MS, claims.exp! * 1000);
    if (until > Date.now()) desk.remembered.set(digest, { caller, until });
    return caller;
  }

  /** @returns the claims of a token whose signature and times are right */
  private async verified(desk: Desk, token: string, outline: JwtOutline): Promise<JWTPayload | null> {
    for (const key of await desk.keys.of(outline)) {
      const claims = await this.verifiedWith(key, token, desk);
      if (claims) return claims;
    }
    return null;
  }

  private async verifiedWith(key: CryptoKey, token: string, { jwt, keys }: Desk): Promise<JWTPayload | null> {
    const { jwtVerify, errors } = await import('jose');
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [...ALGORITHMS],
        audience: [...textsOf(jwt.audience)],
        requiredClaims: ['exp', 'iss'],
        clockTolerance: LEEWAY_SECONDS,
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw expired();
      if (!(error instanceof errors.JOSEError)) keys.tellUnusable(error);
      return null;
    }
  }
}
