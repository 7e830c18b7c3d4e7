import { hash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { generateKeyPair } from 'jose';
import { TokenIssuer, type TokenShape } from '../../../test/support/token-issuer.js';
import { RateLimitExceeded, TokenExpired } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { JwtSignIn } from './jwt-sign-in.js';
import { SignatureChecks } from './signature-checks.js';

const ADDRESS = '192.0.2.1';

describe('tokens that were checked', () => {
  let issuer: TokenIssuer;
  let signIn: JwtSignIn;
  const digestOf = (token: string): string => hash('sha256', token);
  const identify = (token: string, address = ADDRESS): Promise<Caller | null> =>
    signIn.identify(token, digestOf(token), address);
  const forged = async (shape: TokenShape = {}): Promise<string> =>
    issuer.token({ key: (await generateKeyPair('RS256')).privateKey, ...shape });

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    issuer = await TokenIssuer.start();
    signIn = new JwtSignIn(new LiveConfig(routerConfigSchema.parse({ auth: { jwt: issuer.config } }), null));
  });
  afterEach(async () => {
    signIn.onApplicationShutdown();
    await issuer.close();
  });

  /** Only what time it is; everything else runs on. */
  const itIs = (ms: number): void => {
    jest.spyOn(Date, 'now').mockReturnValue(ms);
  };
  afterEach(() => jest.restoreAllMocks());

  it.each([
    [3600, 59_000, true],
    [3600, 60_001, false],
    [30, 27_000, true],
    [30, 30_001, false],
  ])('and live %i s are known %i ms later: %s', async (lifeSeconds, later, known) => {
    const token = await issuer.token({ lifeSeconds });
    expect(await identify(token)).toMatchObject({ user: 'alice-oid', scopes: ['chat'] });
    itIs(Date.now() + later);
    expect(signIn.remembered(digestOf(token)) !== null).toBe(known);
  });

  it('within the leeway of a minute are let in and not remembered', async () => {
    const token = await issuer.token({ lifeSeconds: -30 });
    expect(await identify(token)).not.toBeNull();
    expect(signIn.remembered(digestOf(token))).toBeNull();
    await expect(identify(await issuer.token({ lifeSeconds: -61 }))).rejects.toBeInstanceOf(TokenExpired);
  });

  it('are checked once for many requests at once', async () => {
    const token = await forged();
    const found = await Promise.all(Array.from({ length: 100 }, () => identify(token)));
    expect(found).toEqual(found.map(() => null));
    expect(await identify(await issuer.token())).not.toBeNull(); // a hundred checks would have used the address up
  });

  it('are let in from an address that sent thirty forged ones, where new ones wait; other addresses do not', async () => {
    const [known, fresh] = await Promise.all([issuer.token(), issuer.token({ claims: { oid: 'fresh' } })]);
    await identify(known);
    const bad = await forged();
    for (let i = 0; i < 31; i += 1)
      await identify(`${bad.slice(0, -2)}${String(i).padStart(2, '0')}`).catch(() => null);
    expect(signIn.remembered(digestOf(known))).not.toBeNull();
    await expect(identify(fresh)).rejects.toBeInstanceOf(RateLimitExceeded);
    expect(await identify(fresh, '192.0.2.2')).not.toBeNull();
  });

  it('cost no check at all when they are for somebody else', async () => {
    const wrong = await forged({ claims: { aud: 'api://another' } });
    for (let i = 0; i < 100; i += 1) expect(await identify(wrong)).toBeNull();
    expect(await identify(await issuer.token())).not.toBeNull();
  });

  it('say who calls, with the limits and nothing else of the configuration', async () => {
    const caller = await identify(await issuer.token());
    expect(Object.keys(caller!.limits).sort()).toEqual([
      ...['concurrent', 'requestsPerMinute', 'tokensPerMinute', 'usdPerMonth'],
    ]);
    expect(Object.isFrozen(caller)).toBe(true);
  });
});

describe('signatures that are wrong', () => {
  it('are checked thirty times for an address, then two a second', () => {
    const checks = new SignatureChecks();
    for (let i = 0; i < 30; i += 1) {
      expect(checks.waitOf(ADDRESS, 0)).toBe(0);
      checks.failed(ADDRESS, 0);
    }
    expect(checks.waitOf(ADDRESS, 0)).toBeCloseTo(0.5);
    expect(checks.waitOf('192.0.2.2', 0)).toBe(0);
    expect(checks.waitOf(ADDRESS, 500)).toBe(0);
    for (let i = 0; i < 1_000; i += 1) checks.failed(ADDRESS, 500);
    expect(checks.waitOf(ADDRESS, 500)).toBeCloseTo(30.5);
    expect(checks.waitOf(ADDRESS, 600_000)).toBe(0);
  });
});
