import { Logger } from '@nestjs/common';
import { eventually } from '../../../test/support/router-calls.js';
import { OTHER_TENANT, TENANT, TokenIssuer, type KeysBehaviour } from '../../../test/support/token-issuer.js';
import { Overloaded } from '../../common/app-error.js';
import { fetchJwks, keysIn } from './adapters/jwks.js';
import { SigningKeys, type KeyPolicy } from './signing-keys.js';

describe('the signing keys', () => {
  let issuer: TokenIssuer;
  const opened: SigningKeys[] = [];
  const open = (policy: Partial<KeyPolicy> = {}): SigningKeys => {
    const keys = new SigningKeys(issuer.jwksUri, {
      fetch: fetchJwks,
      refreshMs: 600_000,
      unknownKeyMs: 60_000,
      ...policy,
    });
    opened.push(keys);
    return keys;
  };
  const kid = () => issuer.publicKey.kid;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    issuer = await TokenIssuer.start('ES256');
  });
  afterEach(async () => {
    for (const keys of opened.splice(0)) keys.stop();
    await issuer.close();
  });

  it('are fetched once for all who ask at the start', async () => {
    const keys = open();
    const found = await Promise.all(Array.from({ length: 50 }, () => keys.has(kid())));
    expect(found).toEqual(found.map(() => true));
    expect(issuer.fetches).toBe(1);
  });

  it('are asked for anew by an unknown key, once a minute for all callers', async () => {
    const keys = open();
    await keys.has(kid());
    const found = await Promise.all(Array.from({ length: 200 }, (_, i) => keys.has(`unknown-${i}`)));
    expect(found).toEqual(found.map(() => false));
    for (let i = 0; i < 200; i += 1) expect(await keys.has(`unknown-again-${i}`)).toBe(false);
    expect(issuer.fetches).toBe(2);
  });

  it('follow a rotation at once, and a second one when the minute is over', async () => {
    const keys = open({ unknownKeyMs: 300 });
    await keys.has(kid());
    await issuer.rotate('ES256', true);
    expect(await keys.has(kid())).toBe(true);
    await issuer.rotate('ES256', true);
    expect(await keys.has(kid())).toBe(false);
    await eventually('the next key is known', 5_000, () => keys.has(kid()));
    expect(issuer.fetches).toBe(3);
  });

  it('are renewed in the background, so that a key which the issuer took out is no longer believed', async () => {
    const keys = open({ refreshMs: 50 });
    const before = kid();
    await keys.has(before);
    await issuer.rotate('ES256');
    await eventually('the old key is gone', 5_000, async () => !(await keys.has(before)));
  });

  it.each<KeysBehaviour>(['cuts', 'redirects', 'fails', 'talks', 'floods', 'stalls'])(
    'are none as long as their address %s: 503, not 401; then they are there by themselves',
    async (behaviour) => {
      issuer.behaviour = behaviour;
      const keys = open();
      const error = await keys.has(kid()).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(Overloaded);
      expect(Number((error as Overloaded).headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number((error as Overloaded).headers['retry-after'])).toBeLessThanOrEqual(30);
      issuer.behaviour = 'serves';
      await eventually('the keys are there', 5_000, () => keys.areThere);
      expect(await keys.has(kid())).toBe(true);
    },
  );

  it('are kept while their address is away: a known key is not waited for, an unknown one is 503', async () => {
    const keys = open({ refreshMs: 50 });
    await keys.has(kid());
    issuer.behaviour = 'stalls';
    await eventually('the address is asked', 5_000, () => issuer.fetches > 2);
    const startedAt = performance.now();
    expect(await keys.has(kid())).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(100);
    await expect(keys.has('unknown')).rejects.toBeInstanceOf(Overloaded);
    expect(await keys.has(kid())).toBe(true);
  });

  it('asks a dead address ever more rarely, however many tokens come', async () => {
    issuer.behaviour = 'fails';
    const keys = open();
    const end = performance.now() + 2_000;
    while (performance.now() < end) await keys.has('unknown').catch(() => undefined);
    expect(issuer.fetches).toBeLessThanOrEqual(3);
  });

  it('gives an answer of eight megabytes up early', async () => {
    issuer.behaviour = 'floods';
    await expect(fetchJwks(issuer.jwksUri, new AbortController().signal)).rejects.toThrow(/size/i);
  });

  it('vouch for the tenants that the issuer says, where it says so', async () => {
    const issOf = (tenant: string) => `https://login.microsoftonline.com/${tenant}/v2.0`;
    await issuer.rotate('ES256', false, { issuer: issOf('{tenantid}') });
    const shared = kid();
    await issuer.rotate('ES256', true, { issuer: issOf(TENANT) });
    const own = kid();
    await issuer.rotate('ES256', true);
    const keys = open();
    await keys.has(own);
    const vouches = async (keyId: string | undefined, tid: string, iss = issOf(tid)) =>
      (await keys.of({ keyId, alg: 'ES256', claims: { iss, tid } })).length;
    expect([await vouches(shared, TENANT), await vouches(shared, OTHER_TENANT)]).toEqual([1, 1]);
    expect([await vouches(own, TENANT), await vouches(own, OTHER_TENANT)]).toEqual([1, 0]);
    expect(await vouches(own, TENANT, `https://sts.windows.net/${TENANT}/`)).toBe(1);
    expect(await vouches(kid(), OTHER_TENANT)).toBe(1);
  });

  it('are told apart by what signs where a token names none: what another key may say is not believed of it', async () => {
    await issuer.rotate('ES256', false, { issuer: `https://login.microsoftonline.com/${TENANT}/v2.0` });
    await issuer.rotate('RS256', true);
    const keys = open();
    await keys.has(undefined);
    const of = async (alg: string, tid: string) => (await keys.of({ keyId: undefined, alg, claims: { tid } })).length;
    expect([await of('ES256', TENANT), await of('ES256', OTHER_TENANT)]).toEqual([1, 0]);
    expect([await of('RS256', TENANT), await of('RS256', OTHER_TENANT)]).toEqual([1, 1]);
    await issuer.rotate('RS256', true);
    const more = open();
    await more.has(undefined);
    expect(await more.of({ keyId: undefined, alg: 'RS256', claims: {} })).toEqual([]);
  });

  it('are all tried that have the id of a token, of its algorithm', async () => {
    await issuer.rotate('ES256', false, { kid: 'one' });
    await issuer.rotate('ES256', true, { kid: 'one' });
    await issuer.rotate('RS256', true, { kid: 'one' });
    const keys = open();
    await keys.has('one');
    expect(await keys.of({ keyId: 'one', alg: 'ES256', claims: {} })).toHaveLength(2);
    expect(await keys.of({ keyId: 'one', alg: 'RS256', claims: {} })).toHaveLength(1);
    expect(await keys.of({ keyId: 'one', alg: 'PS256', claims: {} })).toHaveLength(1);
    expect(await keys.of({ keyId: 'one', alg: 'EdDSA', claims: {} })).toEqual([]);
  });
});

describe('a set of keys', () => {
  const rsa = { kty: 'RSA', kid: 'a', n: 'x', e: 'AQAB' };
  it('is read for the public keys that signatures are checked with', () => {
    const others = [{ kty: 'oct', k: 'secret' }, { ...rsa, use: 'enc' }, { ...rsa, d: 'private' }, null, 'key', []];
    expect(keysIn(JSON.stringify({ keys: [...others, rsa] }))).toEqual([rsa]);
  });
  it('has each key once, however often it lists it; two keys of one id are two', () => {
    const twice = [rsa, { ...rsa, x5t: 'thumbprint' }, { ...rsa, n: 'y' }, { ...rsa, issuer: 'another' }];
    expect(keysIn(JSON.stringify({ keys: twice }))).toHaveLength(3);
  });
  it.each(['', '[]', '{}', '{"keys":{}}', 'null'])('%s is none', (text) =>
    expect(() => keysIn(text)).toThrow('something else'),
  );
  it('without such a key is no set', () => expect(() => keysIn('{"keys":[]}')).toThrow('no key'));
});
