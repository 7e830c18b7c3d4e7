import { Logger } from '@nestjs/common';
import { generateKeyPair } from 'jose';
import { logTo, type Line } from '../support/captured-log.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually, jsonOf, openaiAt, ask, type ErrorJson } from '../support/router-calls.js';
import type { RouterConfigInput } from '../support/router-process.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { AUDIENCE, bearing, OTHER_TENANT, TENANT, TokenIssuer, type TokenShape } from '../support/token-issuer.js';
import { UpstreamServer } from '../support/upstream-server.js';

type Jwt = NonNullable<NonNullable<RouterConfigInput['auth']>['jwt']>;

const v1 = (tenant: string) => `https://sts.windows.net/${tenant}/`;
const v2 = (tenant: string) => `https://login.microsoftonline.com/${tenant}/v2.0`;

describe('callers with a token', () => {
  let upstream: UpstreamServer;
  let issuer: TokenIssuer;
  let router: RouterApp | null = null;
  let lines: Line[] = [];

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
  });
  afterAll(() => upstream.close());
  beforeEach(async () => {
    upstream.reset();
    lines = [];
    issuer = await TokenIssuer.start();
  });
  afterEach(async () => {
    await router?.close();
    router = null;
    await issuer.close();
    Logger.overrideLogger(false);
  });

  const configOf = (jwt: Partial<Jwt> = {}, rest: Partial<RouterConfigInput> = {}): RouterConfigInput =>
    inOrder([targetOn(upstream)], { auth: { jwt: { ...issuer.config, ...jwt } }, limits: GENEROUS, ...rest });
  const start = async (jwt: Partial<Jwt> = {}, rest: Partial<RouterConfigInput> = {}): Promise<RouterApp> =>
    (router = await startRouter(configOf(jwt, rest), { logger: logTo(lines) }));
  const statusOf = async (token: string, path = '/v1/models'): Promise<number> => {
    const response = await fetch(router!.url + path, { headers: bearing(token) });
    await response.text();
    return response.status;
  };
  const statusWith = async (shape: TokenShape, path?: string) => statusOf(await issuer.token(shape), path);

  it.each(['authorization', 'x-api-key', 'api-key'])('come in by %s', async (header) => {
    const at = await start();
    const token = await issuer.token();
    const answer = await chat(at, {}, { [header]: header === 'authorization' ? `Bearer ${token}` : token });
    expect(answer.status).toBe(200);
  });

  it('work with the openai client', async () => {
    const { client } = openaiAt((await start()).url, { apiKey: await issuer.token() });
    const answer = await client.chat.completions.create({ model: 'auto', messages: ask('hi') });
    expect(answer.choices[0]?.message.content).toBeTruthy();
  });

  it.each(['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'])('may be signed by %s', async (alg) => {
    await issuer.rotate(alg);
    await start();
    expect(await statusWith({})).toBe(200);
  });

  it.each<[string, TokenShape, string, number]>([
    ['scp chat', { claims: { scp: 'chat' } }, '/v1/models', 200],
    ['scp router.chat among others', { claims: { scp: 'User.Read router.chat' } }, '/v1/models', 200],
    ['roles of an app', { claims: { roles: ['router.chat'] }, without: ['scp'] }, '/v1/models', 200],
    ['roles admin', { claims: { roles: ['admin'] }, without: ['scp'] }, '/admin/usage', 200],
    ['roles operator', { claims: { roles: ['operator'] }, without: ['scp'] }, '/admin/usage', 200],
    ['roles admin at the API', { claims: { roles: ['admin'] }, without: ['scp'] }, '/v1/models', 403],
    ['scp chat at /admin', {}, '/admin/usage', 403],
    ['other scopes alone', { claims: { scp: 'User.Read' } }, '/v1/models', 403],
    ['no scope at all, as ID tokens', { without: ['scp'] }, '/v1/models', 401],
  ])('%s', async (_, shape, path, status) => {
    await start();
    expect(await statusWith(shape, path)).toBe(status);
  });

  it('of Entra come from both versions and the listed tenants alone', async () => {
    await start({ issuer: [v1('{tid}'), v2('{tid}')], tenants: [TENANT], audience: [AUDIENCE, 'client-id'] });
    const from = (iss: string, tid: string, aud = AUDIENCE) => statusWith({ claims: { iss, tid, aud } });
    expect(await from(v1(TENANT), TENANT)).toBe(200);
    expect(await from(v2(TENANT), TENANT, 'client-id')).toBe(200);
    expect(await from(v2(OTHER_TENANT), OTHER_TENANT)).toBe(401);
    expect(await from(v2(TENANT), OTHER_TENANT)).toBe(401);
    expect(await from(v2(OTHER_TENANT), TENANT)).toBe(401);
    expect(await from(v2(TENANT), TENANT, '00000003-0000-0000-c000-000000000000')).toBe(401);
  });

  it('may be let in to some targets alone, and have the general limits', async () => {
    await start({}, { tenants: { [TENANT]: { targets: ['local'] } }, limits: { requestsPerMinute: 7 } });
    const { headers } = await chat(router!, {}, bearing(await issuer.token()));
    expect(headers.get('x-ratelimit-limit-requests')).toBe('7');
  });

  it('are told when the token has expired, and nothing of any other cause', async () => {
    await start();
    const expired = await fetch(`${router!.url}/v1/models`, {
      headers: bearing(await issuer.token({ lifeSeconds: -120 })),
    });
    expect([expired.status, (await jsonOf<ErrorJson>(expired)).error.code]).toEqual([401, 'token_expired']);
    expect(expired.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
    expect(expired.headers.get('x-should-retry')).toBe('false');
    expect(await statusWith({ lifeSeconds: -30 })).toBe(200); // clocks differ by a minute at most
  });

  it('are remembered: neither keys nor the address of the keys are needed again, until a reload', async () => {
    await start();
    const token = await issuer.token();
    expect(await statusOf(token)).toBe(200);
    await issuer.close();
    for (let i = 0; i < 20; i += 1) expect(await statusOf(token)).toBe(200);
    await router!.reload(configOf({ audience: 'api://somebody-else' }));
    expect(await statusOf(token)).toBe(401);
    await router!.reload(configOf());
    expect(await statusOf(token)).toBe(200); // with the keys that were fetched before
    issuer = await TokenIssuer.start();
  });

  it('are not remembered past the end of the token', async () => {
    await start();
    const token = await issuer.token({ lifeSeconds: -58 });
    expect(await statusOf(token)).toBe(200);
    await eventually('the leeway is over', 5_000, async () => (await statusOf(token)) === 401);
  });

  it('a token that was just checked is not taken from another key', async () => {
    await start();
    const token = await issuer.token();
    expect(await statusOf(token)).toBe(200);
    const last = token.at(-2) === 'A' ? 'B' : 'A';
    expect(await statusOf(token.slice(0, -2) + last + token.at(-1)!)).toBe(401);
    expect(await statusOf(`${token}A`)).toBe(401);
  });

  it('wait for the keys rather than fail while their address is away, and the log tells it once', async () => {
    issuer.behaviour = 'fails';
    await start();
    const token = await issuer.token();
    for (let i = 0; i < 5; i += 1) {
      const refused = await fetch(`${router!.url}/v1/models`, { headers: bearing(token) });
      expect([refused.status, (await jsonOf<ErrorJson>(refused)).error.code]).toEqual([503, 'overloaded']);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(refused.headers.get('x-should-retry')).toBeNull();
    }
    issuer.behaviour = 'serves';
    await eventually('the keys are there', 10_000, async () => (await statusOf(token)) === 200);
    const told = lines.filter(({ text }) => text.includes('auth.jwt.jwksUri'));
    expect(told.map(({ level }) => level)).toEqual(['error', 'info']);
    expect(JSON.stringify(lines)).not.toContain(token.slice(0, 30));
  });

  it('stand beside keys', async () => {
    await start({}, { auth: { jwt: issuer.config, keys: [keyFor('alice-key')] } });
    expect([await statusWith({}), await statusOf('alice-key'), await statusOf('nobody')]).toEqual([200, 200, 401]);
  });

  it('that are forged end in 429, and right tokens get in', async () => {
    await start();
    const { privateKey } = await generateKeyPair('RS256');
    const known = await issuer.token({ claims: { oid: 'known' } });
    expect(await statusOf(known)).toBe(200);
    const statuses: number[] = [];
    for (let i = 0; i < 60; i += 1) {
      statuses.push(await statusWith({ key: privateKey, claims: { jti: String(i) } }));
    }
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect(await statusOf(known)).toBe(200);
    const fresh = await issuer.token({ claims: { oid: 'fresh' } });
    expect(await statusOf(fresh)).toBe(200);
  });
});
