import { Logger } from '@nestjs/common';
import type { createLocalJWKSet, CryptoKey, JSONWebKeySet, JWK } from 'jose';
import { Overloaded } from '../../common/app-error.js';
import { BackgroundWork } from '../../common/background-work.js';
import type { Fields } from '../../common/json/fields.js';
import { FailureEpisode } from '../../common/logging/failure-episode.js';
import { ownWords } from '../../common/logging/outside-text.js';
import { fetchJwks } from './adapters/jwks.js';
import type { JwtOutline } from './jwt-outline.js';

/** What an issuer takes out of its set is believed so long at most, while its address answers. */
const REFRESH_MS = 600_000;
const UNKNOWN_KEY_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/** How the set is fetched, and when; tests have shorter times. */
export interface KeyPolicy {
  readonly fetch: typeof fetchJwks;
  readonly refreshMs: number;
  /** Tokens of keys that are not in the set make it be fetched once in so many milliseconds, all of them together. */
  readonly unknownKeyMs: number;
}

const POLICY: KeyPolicy = { fetch: fetchJwks, refreshMs: REFRESH_MS, unknownKeyMs: UNKNOWN_KEY_MS };

/** A set has one key under an id, or two where it lists one for two algorithms. Each costs a check. */
const MOST_TRIED = 2;

interface SigningKey {
  readonly jwk: JWK;
  readonly find: ReturnType<typeof createLocalJWKSet>;
}

/** In Entra's sets a key says which tenants it signs for; `{tenantid}` is any. */
function issuerOfKey(key: JWK & { readonly issuer?: unknown }): string | null {
  return typeof key.issuer === 'string' ? key.issuer : null;
}

/** @param claims not believed yet: they are once the key has signed them */
function mayVouch(key: JWK, { iss, tid }: Fields): boolean {
  const name = issuerOfKey(key);
  if (name === null || name.includes('{tenantid}') || name === iss) return true;
  return typeof tid === 'string' && name.split('/').includes(tid);
}

/**
 * The public keys of the issuer, from the one configured address. A set that was fetched is kept and used until there is
 * a newer one, so a known key is never waited for; the set is renewed in the background, and asked for by tokens only
 * where they name a key that is not in it. jose's own `createRemoteJWKSet` fails once its set is old and the address
 * does not answer, and asks anew for every token then (docs/adr/0024).
 */
export class SigningKeys {
  /** `null` while no set was ever fetched. */
  private keys: readonly SigningKey[] | null = null;
  /** One line for a set, however many tokens name a key in it that is no good. */
  private hasToldUnusable = false;
  private fetching: Promise<void> | null = null;
  /** In a row. */
  private failures = 0;
  private nextAt = 0;
  private timer: NodeJS.Timeout | null = null;
  private askedForUnknownAt = -Infinity;
  private readonly ending = new AbortController();
  private readonly background = new BackgroundWork('identity');
  private readonly logger = new Logger('identity');
  private readonly outage = new FailureEpisode();

  constructor(
    readonly uri: string,
    private readonly policy: KeyPolicy = POLICY,
  ) {
    this.background.launch('the signing keys', () => this.renew());
  }

  /**
   * Whether the set has this key, after asking for a newer set where that is allowed.
   *
   * @param keyId of the token; a token without one is tried with the only key of its kind
   * @throws Overloaded when that cannot be said, because the set cannot be fetched
   */
  async has(keyId: string | undefined): Promise<boolean> {
    if (this.holds(keyId)) return true;
    if (this.fetching) await this.fetching;
    if (!this.holds(keyId) && this.failures === 0 && this.mayAskForUnknown()) await this.renew();
    if (this.holds(keyId)) return true;
    if (this.failures === 0 && this.keys) return false;
    const seconds = (this.nextAt - performance.now()) / 1000;
    throw new Overloaded('Tokens cannot be checked now: the keys of their issuer cannot be fetched.', seconds);
  }

  /** Whether any key was ever fetched. */
  get areThere(): boolean {
    return this.keys !== null;
  }

  /**
   * The keys that a token may have been signed with: of its id and algorithm, and believed about its issuer, since some
   * of Entra's sign for one tenant alone. Without an id only where there is one such key.
   */
  async of({ keyId, alg, claims }: JwtOutline): Promise<readonly CryptoKey[]> {
    const named = this.keys?.filter(({ jwk }) => (keyId === undefined || jwk.kid === keyId) && mayVouch(jwk, claims));
    const found: CryptoKey[] = [];
    for (const key of named ?? []) {
      const usable = await this.usable(key, alg);
      if (usable) found.push(usable);
    }
    return keyId === undefined && found.length > 1 ? [] : found.slice(0, MOST_TRIED);
  }

  /** A key that is too short, or of another kind than it says, is the issuer's mistake. */
  tellUnusable(error: unknown): void {
    if (this.hasToldUnusable) return;
    this.hasToldUnusable = true;
    this.logger.warn(`a signing key of auth.jwt.jwksUri cannot be used: ${ownWords(error)}`);
  }

  stop(): void {
    this.ending.abort();
    this.background.cancel();
  }

  private holds(keyId: string | undefined): boolean {
    return this.keys?.some(({ jwk }) => keyId === undefined || jwk.kid === keyId) ?? false;
  }

  private mayAskForUnknown(): boolean {
    const now = performance.now();
    if (this.keys && now - this.askedForUnknownAt < this.policy.unknownKeyMs) return false;
    this.askedForUnknownAt = now;
    return true;
  }

  /** All who ask meanwhile share one fetch. Never rejects. */
  private renew(): Promise<void> {
    this.fetching ??= this.fetchOnce();
    return this.fetching;
  }

  private async fetchOnce(): Promise<void> {
    try {
      await this.use(await this.policy.fetch(this.uri, this.ending.signal));
      const over = this.outage.worked();
      if (over) this.logger.log(`the signing keys of auth.jwt.jwksUri can be fetched again, ${over}`);
      this.failures = 0;
    } catch (error) {
      if (this.ending.signal.aborted) return;
      this.failed(error);
    } finally {
      this.fetching = null;
    }
    const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1));
    const waitMs = this.failures > 0 ? retryMs : this.policy.refreshMs;
    this.nextAt = performance.now() + waitMs;
    if (this.timer) this.background.clear(this.timer);
    this.timer = this.background.after('the signing keys', waitMs, () => this.renew());
  }

  private async use(set: JSONWebKeySet): Promise<void> {
    const { createLocalJWKSet } = await import('jose');
    this.keys = set.keys.map((jwk) => ({ jwk, find: createLocalJWKSet({ keys: [jwk] }) }));
    this.hasToldUnusable = false;
  }

  /** `null` when it is of another algorithm. */
  private async usable({ jwk, find }: SigningKey, alg: string): Promise<CryptoKey | null> {
    const { errors } = await import('jose');
    try {
      return await find({ alg, ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) });
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) this.tellUnusable(error);
      return null;
    }
  }

  private failed(error: unknown): void {
    this.failures += 1;
    if (!this.outage.failed()) return;
    const meanwhile = this.keys ? 'tokens are checked with those fetched before' : 'tokens are answered with 503';
    const why = ownWords(error) || (error as NodeJS.ErrnoException).code; // who tries several addresses says nothing
    this.logger.error(`the signing keys of auth.jwt.jwksUri cannot be fetched (${why}); ${meanwhile}`);
  }
}
