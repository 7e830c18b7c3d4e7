import OpenAI from 'openai';
import { neverAnswer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { RouterProcess } from '../support/router-process.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { allSlotsFree, ask, chat, jsonOf, openaiAt, type ErrorJson } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe('identity and limits', () => {
  let upstream: UpstreamServer;
  let router: RouterApp | undefined;
  const start = async (rest: object) => (router = await startRouter(inOrder([targetOn(upstream)], rest)));
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
  });
  beforeEach(() => upstream.reset());
  afterEach(async () => {
    await router?.close();
    router = undefined;
  });
  afterAll(() => upstream.close());

  const errorOf = async (response: Response) => (await jsonOf<ErrorJson>(response)).error;

  describe('API keys', () => {
    beforeEach(() =>
      start({
        auth: {
          keys: [
            keyFor('chat-key'),
            keyFor('admin-key', { scopes: ['admin'] }),
            keyFor('operator-key', { scopes: ['operator'], tenant: 'ops' }),
          ],
        },
        limits: GENEROUS,
      }),
    );
    const at = () => router as RouterApp;

    it.each([
      bearer('chat-key'),
      { authorization: 'bearer chat-key' },
      { 'x-api-key': 'chat-key' },
      { 'api-key': 'chat-key' },
    ])('lets in %j', async (headers) => {
      expect((await chat(at(), {}, headers as Record<string, string>)).status).toBe(200);
    });

    it.each([
      {},
      bearer('wrong'),
      bearer('chat-key2'),
      { authorization: 'chat-key' },
      { authorization: 'Basic Y2hhdC1rZXk6' },
      { 'x-api-key': '' },
      { ...bearer('chat-key'), 'x-api-key': 'other' },
      { 'x-user': 'chat-key', 'x-tenant': 'acme' },
    ])('does not let in %j', async (headers) => {
      const response = await chat(at(), {}, headers as Record<string, string>);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(await errorOf(response)).toEqual({
        message: expect.stringContaining('API key'),
        type: 'authentication_error',
        param: null,
        code: 'invalid_api_key',
      });
      expect(upstream.requests).toEqual([]);
    });

    it.each(['/v1/models', '/v1/sessions', '/v1/sessions/s', '/admin/targets', '/admin/usage'])(
      'GET %s needs a key',
      async (path) => expect((await fetch(at().url + path)).status).toBe(401),
    );

    it.each(['/health', '/ready', '/metrics', '/docs', '/openapi.json'])('GET %s needs none', async (path) => {
      expect((await fetch(at().url + path)).status).toBe(200);
    });

    it.each([
      { key: 'chat-key', path: '/admin/targets', status: 403 },
      { key: 'chat-key', path: '/admin/usage', status: 403 },
      { key: 'chat-key', path: '/v1/models', status: 200 },
      { key: 'admin-key', path: '/admin/targets', status: 200 },
      { key: 'admin-key', path: '/admin/usage', status: 200 },
      { key: 'operator-key', path: '/admin/usage', status: 200 },
      { key: 'admin-key', path: '/v1/sessions', status: 403 },
    ])('$key at $path: $status', async ({ key, path, status }) => {
      const response = await fetch(at().url + path, { headers: bearer(key) });
      expect(response.status).toBe(status);
      if (status === 403) {
        expect(await errorOf(response)).toMatchObject({ type: 'permission_error', code: 'permission_denied' });
      }
    });

    it('a key without the scope chat calls no model', async () => {
      expect((await chat(at(), {}, bearer('admin-key'))).status).toBe(403);
      expect(upstream.requests).toEqual([]);
    });

    it('drains and enables a target with the scope admin', async () => {
      const steer = (what: string, key: string) =>
        fetch(`${at().url}/admin/targets/${upstream.model}/${what}`, { method: 'POST', headers: bearer(key) });
      expect((await steer('drain', 'chat-key')).status).toBe(403);
      expect(await jsonOf(await steer('drain', 'admin-key'))).toMatchObject({ breaker: 'drained' });
      const refused = await chat(at(), {}, bearer('chat-key'));
      expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true]);
      expect(await errorOf(refused)).toMatchObject({ code: 'no_target_available' });
      expect(await jsonOf(await steer('enable', 'admin-key'))).toMatchObject({ breaker: 'closed' });
      expect((await chat(at(), {}, bearer('chat-key'))).status).toBe(200);
    });

    it("shows admins their own tenant's spend and operators everybody's", async () => {
      await (await chat(at(), {}, bearer('chat-key'))).text();
      const tenants = async (key: string) => {
        const usage = await fetch(`${at().url}/admin/usage`, { headers: bearer(key) });
        return (await jsonOf<{ data: { tenant: string; requests: number }[] }>(usage)).data;
      };
      expect(await tenants('admin-key')).toMatchObject([{ tenant: 'acme', requests: 1 }]);
      expect(await tenants('operator-key')).toContainEqual(expect.objectContaining({ tenant: 'acme' }));
    });

    it('a reload of the keys counts at once', async () => {
      const status = async (key: string) => (await chat(at(), {}, bearer(key))).status;
      expect([await status('chat-key'), await status('new-key')]).toEqual([200, 401]);
      await at().reload(inOrder([targetOn(upstream)], { auth: { keys: [keyFor('new-key')] }, limits: GENEROUS }));
      expect([await status('chat-key'), await status('new-key')]).toEqual([401, 200]);
    });
  });

  describe('limits', () => {
    const LIMITED = {
      auth: {
        keys: [keyFor('alice'), keyFor('bob'), keyFor('vip', { limits: { requestsPerMinute: 1_000 } })],
      },
      limits: { requestsPerMinute: 2, tokensPerMinute: 1_000_000, concurrent: 1, usdPerMonth: 50 },
    };

    it('requests per minute: 429 with Retry-After and all x-ratelimit-*, per user, with exceptions by key', async () => {
      const at = await start(LIMITED);
      for (const left of ['1', '0']) {
        const { headers, status } = await chat(at, {}, bearer('alice'));
        expect([status, headers.get('x-ratelimit-remaining-requests')]).toEqual([200, left]);
      }
      const refused = await chat(at, {}, bearer('alice'));
      expect(refused.status).toBe(429);
      const headers = Object.fromEntries(refused.headers);
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
      expect(headers).toMatchObject({
        'x-ratelimit-limit-requests': '2',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': expect.stringMatching(/^(\d+m)?\d+s$/),
        'x-ratelimit-limit-tokens': '1000000',
        'x-ratelimit-remaining-tokens': expect.stringMatching(/^\d+$/),
        'x-ratelimit-reset-tokens': expect.stringMatching(/^(\d+m)?\d+s$/),
      });
      expect(await errorOf(refused)).toMatchObject({
        type: 'rate_limit_error',
        code: 'rate_limit_exceeded',
        param: null,
      });
      expect(upstream.requests).toHaveLength(2);
      expect((await chat(at, {}, bearer('bob'))).status).toBe(200);
      for (let n = 0; n < 3; n += 1) expect((await chat(at, {}, bearer('vip'))).status).toBe(200);
    });

    it('is a RateLimitError for the openai client', async () => {
      const at = await start({ ...LIMITED, limits: { ...LIMITED.limits, requestsPerMinute: 1 } });
      const { client } = openaiAt(at.url, { apiKey: 'alice', maxRetries: 0 });
      const create = () => client.chat.completions.create({ model: 'auto', messages: ask('hi') });
      await create();
      const error = await create().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    });

    it('requests at a time: the second is refused, and let in when the first is over', async () => {
      const at = await start({ ...LIMITED, limits: { ...LIMITED.limits, requestsPerMinute: 100 } });
      upstream.script(neverAnswer);
      const gone = new AbortController();
      const { client } = openaiAt(at.url, { apiKey: 'alice' });
      const first = client.chat.completions
        .create({ model: 'auto', messages: ask('hi') }, { signal: gone.signal })
        .catch((error: unknown) => error);
      await upstream.received();
      const refused = await chat(at, {}, bearer('alice'));
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
      expect((await chat(at, {}, bearer('bob'))).status).toBe(200);
      gone.abort();
      await first;
      await upstream.ended(0, 1_000);
      expect((await chat(at, {}, bearer('alice'))).status).toBe(200);
    });

    it('tokens per minute', async () => {
      const at = await start({
        ...LIMITED,
        limits: { ...LIMITED.limits, requestsPerMinute: 100, tokensPerMinute: 50 },
      });
      const body = { max_tokens: 40 };
      upstream.always(neverAnswer);
      const first = new AbortController();
      const { client } = openaiAt(at.url, { apiKey: 'alice' });
      const call = client.chat.completions
        .create({ model: 'auto', messages: ask('hi'), ...body }, { signal: first.signal })
        .catch((error: unknown) => error);
      await upstream.received();
      const refused = await chat(at, body, bearer('alice'));
      expect(refused.status).toBe(429);
      expect((await errorOf(refused)).message).toMatch(/tokens/);
      first.abort();
      await call;
    });

    it('a budget of nothing: 429 budget_exceeded, and SDKs do not try again', async () => {
      const at = await start({ ...LIMITED, limits: { ...LIMITED.limits, usdPerMonth: 0 } });
      const { client, sent } = openaiAt(at.url, { apiKey: 'alice' });
      const error = await client.chat.completions
        .create({ model: 'auto', messages: ask('hi') })
        .catch((caught: unknown) => caught);
      expect(error).toMatchObject({ status: 429, code: 'budget_exceeded' });
      expect(sent()).toBe(1);
      expect(upstream.requests).toEqual([]);
    });

    it('the loopback user has none', async () => {
      const at = await start({ limits: { requestsPerMinute: 1 } });
      for (let n = 0; n < 3; n += 1) {
        const response = await chat(at, {}, bearer('whatever an SDK sends'));
        expect([response.status, response.headers.has('x-ratelimit-limit-requests')]).toEqual([200, false]);
      }
      await allSlotsFree(at);
    });
  });

  it('refuses to listen off loopback when nobody has to sign in', async () => {
    const open = RouterProcess.spawn({ config: inOrder([targetOn(upstream)], { server: { host: '0.0.0.0' } }) });
    expect(await open.exited).toEqual({ code: 1, signal: null });
    expect(open.output.join('\n')).toMatch(/server\.host.*"0\.0\.0\.0".*auth\.keys/);
    expect(open.output.join('\n')).not.toMatch(/listening|    at /);
    await open.kill();
  });
});
