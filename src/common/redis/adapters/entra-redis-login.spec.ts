import type { AccessToken, TokenCredential } from '@azure/identity';
import { jest } from '@jest/globals';
import { EntraRedisLogin, type RedisLogin } from './entra-redis-login.js';

const HOUR_MS = 3_600_000;
const tokenOf = (claims: object): string =>
  `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${Math.random()}`;

describe('sign-in to Redis with Entra', () => {
  beforeEach(() => jest.useFakeTimers({ now: 0 }));
  afterEach(() => jest.useRealTimers());

  const credentialOf = (claims: object) => {
    const getToken = jest.fn(async (): Promise<AccessToken> => ({
      token: tokenOf(claims),
      expiresOnTimestamp: Date.now() + HOUR_MS,
    }));
    return { getToken } satisfies TokenCredential;
  };

  it('takes the object id as user name and the token as password', async () => {
    const credential = credentialOf({ oid: 'identity-1' });
    const login = await new EntraRedisLogin(credential).current();
    expect(login).toEqual({ username: 'identity-1', password: expect.stringContaining('x.') });
    expect(credential.getToken).toHaveBeenCalledWith('https://redis.azure.com/.default', {
      abortSignal: expect.any(AbortSignal),
    });
  });

  it('signs in again with a new token before the old one ends, and stops when told', async () => {
    const login = new EntraRedisLogin(credentialOf({ oid: 'identity-1' }));
    const first = await login.current();
    const applied: RedisLogin[] = [];
    const renewal = login.renew(async (next) => void applied.push(next));
    await jest.advanceTimersByTimeAsync(0.74 * HOUR_MS);
    expect(applied).toEqual([]);
    await jest.advanceTimersByTimeAsync(0.02 * HOUR_MS);
    expect(applied).toHaveLength(1);
    expect(applied[0]?.password).not.toBe(first.password);
    await jest.advanceTimersByTimeAsync(0.75 * HOUR_MS);
    expect(applied).toHaveLength(2);
    renewal.stop();
    await jest.advanceTimersByTimeAsync(2 * HOUR_MS);
    expect(applied).toHaveLength(2);
  });

  it('tries again soon when a renewal fails', async () => {
    const credential = credentialOf({ oid: 'identity-1' });
    const login = new EntraRedisLogin(credential);
    await login.current();
    const applied: RedisLogin[] = [];
    const renewal = login.renew(async (next) => void applied.push(next));
    credential.getToken.mockRejectedValueOnce(new Error('no network'));
    await jest.advanceTimersByTimeAsync(0.75 * HOUR_MS);
    expect(applied).toEqual([]);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(applied).toHaveLength(1);
    renewal.stop();
  });

  it('stays stopped when it is stopped in the middle of a renewal', async () => {
    const credential = credentialOf({ oid: 'identity-1' });
    const login = new EntraRedisLogin(credential);
    await login.current();
    const signedIn = Promise.withResolvers<void>();
    const renewal = login.renew(() => signedIn.promise);
    await jest.advanceTimersByTimeAsync(0.75 * HOUR_MS);
    renewal.stop();
    signedIn.resolve();
    await jest.advanceTimersByTimeAsync(2 * HOUR_MS);
    expect(credential.getToken).toHaveBeenCalledTimes(2);
  });

  it('asks for the next token early when the server refuses this one, every 10 s at most', async () => {
    const credential = credentialOf({ oid: 'identity-1' });
    const login = new EntraRedisLogin(credential);
    await login.current();
    const renewal = login.renew(async () => undefined);
    for (let second = 0; second < 60; second += 1) {
      renewal.hurry();
      await jest.advanceTimersByTimeAsync(1_000);
    }
    renewal.stop();
    expect(credential.getToken).toHaveBeenCalledTimes(1 + 6);
  });

  it('refuses a token without an object id', async () => {
    await expect(new EntraRedisLogin(credentialOf({ sub: 'x' })).current()).rejects.toThrow('object id');
  });
});
