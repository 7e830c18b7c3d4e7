import { hash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { generateKeyPair } from 'jose';
import { OTHER_TENANT, TENANT, TokenIssuer, type TokenShape } from '../../../test/support/token-issuer.js';
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

  /** With the set of keys that the issuer has now. */
  const open = (changes: object = {}): void => {
    signIn?.onApplicationShutdown();
    const config = routerConfigSchema.parse({ auth: { jwt: { ...issuer.config, ...changes } } });
    signIn = new JwtSignIn(new LiveConfig(config, null));
  };

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    issuer = await TokenIssuer.start();
    open();
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
    const found = await Promise.all(Array.from({ length: 200 }, () => identify(token)));
    expect(found).toEqual(found.map(() => null));
    expect(await identify(await issuer.token())).not.toBeNull(); // 200 checks would have used the address up
  });

  /** New forged tokens that arrive one after the other. @returns what came of them */
  async function flood(count: number, claims: TokenShape['claims'] = {}, address = ADDRESS): Promise<unknown[]> {
    const bad = (await forged({ claims })).slice(0, -4);
    const outcomes: unknown[] = [];
    for (let i = 0; i < count; i += 1) {
      const token = `${bad}${String(i).padStart(4, '0')}`;
      outcomes.push(await identify(token, address).catch((error: unknown) => error));
    }
    return outcomes;
  }
  const refusedOf = (outcomes: unknown[]): number => outcomes.filter((one) => one instanceof RateLimitExceeded).length;
  /** The monotonic clock, which refills what forgers use up. */
  const clockStandsAt = (ms: number): void => {
    jest.spyOn(performance, 'now').mockReturnValue(ms);
  };

  it('are let in at an address where thousands are forged, if their user is known there; a stranger a second later', async () => {
    clockStandsAt(1_000);
    await identify(await issuer.token());
    expect(refusedOf(await flood(2_000, { oid: 'anybody' }))).toBe(1_900);
    for (const jti of ['a', 'b', 'c']) expect(await identify(await issuer.token({ claims: { jti } }))).not.toBeNull();
    const stranger = await issuer.token({ claims: { oid: 'stranger' } });
    await expect(identify(stranger)).rejects.toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(await identify(stranger, '192.0.2.2')).not.toBeNull();
    clockStandsAt(2_000);
    expect(await identify(stranger)).not.toBeNull();
  });

  it('are let in at an address where twenty a second are forged, whoever they are for', async () => {
    let entered = 0;
    for (let second = 1; second <= 30; second += 1) {
      clockStandsAt(second * 1_000);
      await flood(20);
      if (await identify(await issuer.token({ claims: { oid: `user-${second}` } }))) entered += 1;
    }
    expect(entered).toBe(30);
  });

  it('are let in although others forge tokens of the very same user', async () => {
    clockStandsAt(1_000);
    await identify(await issuer.token());
    await flood(29); // of the thirty that are his own
    expect(await identify(await issuer.token({ claims: { jti: 'a' } }))).not.toBeNull();
    await flood(2);
    expect(await identify(await issuer.token({ claims: { jti: 'b' } }))).not.toBeNull(); // with everybody else's
  });

  it('cost no check at all when they are for somebody else', async () => {
    const wrong = await forged({ claims: { aud: 'api://another' } });
    for (let i = 0; i < 200; i += 1) expect(await identify(wrong)).toBeNull();
    expect(await identify(await issuer.token())).not.toBeNull();
  });

  it.each<[string, (kid: string) => Promise<void>]>([
    ['lists their key twice', async (kid) => issuer.repeat({ x5t: kid })],
    ['lists their key once more with its algorithm', async () => issuer.repeat({ alg: 'RS256' })],
    ['has another key under the same id', (kid) => issuer.rotate('RS256', true, { kid })],
  ])('are let in although the set %s', async (_, change) => {
    const { kid } = issuer.publicKey;
    const before = await issuer.token();
    await change(kid!);
    open();
    for (const token of [before, await issuer.token({ header: { kid } })]) expect(await identify(token)).not.toBeNull();
    expect(await identify(await forged({ header: { kid } }))).toBeNull();
  });

  it('that name no key are believed about the tenants of the key that signed them, whatever others may say', async () => {
    const issuerOf = (tid: string): string => `https://login.microsoftonline.com/${tid}/v2.0`;
    await issuer.rotate('ES256');
    await issuer.rotate('RS256', true, { issuer: issuerOf(TENANT) });
    open({ issuer: issuerOf('{tid}'), tenants: [TENANT, OTHER_TENANT] });
    const of = async (tid: string) =>
      identify(await issuer.token({ header: { kid: undefined }, claims: { tid, iss: issuerOf(tid) } }));
    expect(await of(TENANT)).not.toBeNull();
    expect(await of(OTHER_TENANT)).toBeNull();
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
  const who = (user: string) => ({ tenant: 'acme', user });
  /** @returns how many were checked */
  const forge = (checks: SignatureChecks, count: number, address: string, user = 'x', now = 0): number =>
    Array.from({ length: count }, () => checks.begin(address, who(user), now)).filter((check) => check !== null).length;

  it('are checked a hundred times for a network, then a hundred a second', () => {
    const checks = new SignatureChecks();
    expect(forge(checks, 1_000, ADDRESS)).toBe(100);
    expect(forge(checks, 1_000, ADDRESS, 'x', 500)).toBe(50);
    expect(forge(checks, 1_000, ADDRESS, 'x', 600_000)).toBe(100);
  });

  it('are checked four hundred times a second for all networks together, of which half are not for those that flood', () => {
    const checks = new SignatureChecks();
    const flooding = Array.from({ length: 8 }, (_, i) => forge(checks, 1_000, `192.0.2.${i}`));
    expect(flooding.reduce((a, b) => a + b)).toBeLessThanOrEqual(400);
    for (let second = 1; second <= 20; second += 1) {
      const all = Array.from({ length: 8 }, (_, i) => forge(checks, 1_000, `192.0.2.${i}`, 'x', second * 1_000));
      expect(all.reduce((a, b) => a + b)).toBeLessThanOrEqual(400);
      expect(checks.begin('198.51.100.1', who('quiet'), second * 1_000)).not.toBeNull();
    }
  });

  it('use nothing up while right ones are checked, however many at once', () => {
    const checks = new SignatureChecks();
    for (let i = 0; i < 10_000; i += 1) {
      const check = checks.begin(ADDRESS, who(`user-${i}`), 0);
      expect(check).not.toBeNull();
      checks.wasRight(check!, 0);
    }
    expect(forge(checks, 1_000, ADDRESS, 'stranger')).toBe(100);
  });

  it('of somebody else do not touch who was right from there within a day; of himself he has thirty', () => {
    const checks = new SignatureChecks();
    checks.wasRight(checks.begin(ADDRESS, who('alice'), 0)!, 0);
    forge(checks, 1_000, ADDRESS, 'bob');
    expect(forge(checks, 1_000, ADDRESS, 'alice')).toBe(30);
    expect(forge(checks, 1_000, '192.0.2.77', 'alice')).toBe(100); // there he is one of many
    forge(checks, 1_000, ADDRESS, 'bob', 86_399_000);
    expect(forge(checks, 1, ADDRESS, 'alice', 86_399_000)).toBe(1);
    forge(checks, 1_000, ADDRESS, 'bob', 86_401_000);
    expect(forge(checks, 1, ADDRESS, 'alice', 86_401_000)).toBe(0);
  });
});
