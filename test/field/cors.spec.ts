import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { answer, neverAnswer } from '../support/upstream-behaviours.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, jsonOf, post, type ErrorJson } from '../support/router-calls.js';
import { sendRaw } from '../support/raw-http.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

const APP = 'https://app.example.com';
const OTHER_APP = 'https://other.example.com';
const ALICE = { authorization: 'Bearer alice-key' };
/** What OpenAI's SDK asks for from a browser, and ours. */
const ASKED =
  'authorization,content-type,x-stainless-lang,x-stainless-retry-count,x-session-id,idempotency-key,x-api-key';
/** Fetch standard, CORS-safelisted response-header names; and what belongs to the connection. */
const ALWAYS_READABLE = new Set([
  ...['cache-control', 'content-language', 'content-length', 'content-type', 'expires', 'last-modified', 'pragma'],
  ...['vary', 'date', 'connection', 'keep-alive', 'transfer-encoding', 'x-accel-buffering'],
  // said to the browser
  ...['content-security-policy', 'cross-origin-resource-policy', 'referrer-policy'],
  ...['x-content-type-options', 'x-frame-options'],
]);
const isPolicy = (name: string): boolean => name.startsWith('access-control-');

describe('a browser app of an allowed origin', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let closed: RouterApp;

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    const keyed = { auth: { keys: [keyFor('alice-key')] }, limits: { requestsPerMinute: 1_000 } };
    const price = { input: 1, output: 1 };
    router = await startRouter(
      inOrder([targetOn(upstream, { price })], {
        ...keyed,
        server: { corsOrigins: [APP, OTHER_APP], bodyLimitBytes: 2048 },
      }),
    );
    closed = await startRouter(inOrder([targetOn(upstream)], keyed));
  });
  afterAll(async () => {
    await router.close();
    await closed.close();
    await upstream.close();
  });
  beforeEach(() => upstream.reset());

  const preflight = (url: string, origin: string, asked = ASKED, method = 'POST') =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': asked },
    });

  it('F59 has its preflight answered before anybody asks for a key', async () => {
    const told = await preflight(router.url, APP);
    expect([told.status, await told.text()]).toEqual([204, '']);
    expect(told.headers.get('access-control-allow-origin')).toBe(APP);
    expect(told.headers.get('access-control-allow-headers')?.split(',')).toEqual(ASKED.split(','));
    for (const method of ['GET', 'POST', 'DELETE']) {
      expect(told.headers.get('access-control-allow-methods')).toContain(method);
    }
    expect(told.headers.get('vary')).toMatch(/origin/i);
    expect(Number(told.headers.get('access-control-max-age'))).toBeGreaterThan(0);
    expect(told.headers.get('access-control-allow-credentials')).toBeNull();
  });

  const asks: [what: string, status: number, ask: () => Promise<Response>][] = [
    ['an answer', 200, () => chat(router, {}, { ...ALICE, origin: APP, 'x-session-id': 's1' })],
    ['a stream', 200, () => chat(router, { stream: true }, { ...ALICE, origin: APP })],
    ['a missing key', 401, () => chat(router, {}, { origin: APP })],
    ['a missing scope', 403, () => fetch(`${router.url}/admin/targets`, { headers: { ...ALICE, origin: APP } })],
    ['no such route', 404, () => fetch(`${router.url}/v1/nowhere`, { headers: { ...ALICE, origin: APP } })],
    ['no such model', 404, () => chat(router, { model: 'nope' }, { ...ALICE, origin: APP })],
    ['a bad body', 400, () => post(`${router.url}/query`, '{', { ...ALICE, origin: APP })],
    ['a large body', 413, () => post(`${router.url}/query`, { query: 'x'.repeat(4096) }, { ...ALICE, origin: APP })],
    ['a list', 200, () => fetch(`${router.url}/v1/models`, { headers: { ...ALICE, origin: APP } })],
    ['a probe', 200, () => fetch(`${router.url}/health`, { headers: { origin: APP } })],
  ];

  it.each(asks)('F59 can read %s, and every header of it', async (_, status, request) => {
    const told = await request();
    expect(told.status).toBe(status);
    await told.text();
    expect(told.headers.get('access-control-allow-origin')).toBe(APP);
    expect(told.headers.get('vary')).toMatch(/origin/i);
    const exposed = new Set(told.headers.get('access-control-expose-headers')?.split(', '));
    const hidden = [...told.headers.keys()].filter(
      (name) => !ALWAYS_READABLE.has(name) && !isPolicy(name) && !exposed.has(name),
    );
    expect(hidden).toEqual([]);
    for (const name of [
      'x-request-id',
      'x-router-target',
      'x-router-cost-usd',
      'x-ratelimit-reset-tokens',
      'retry-after',
    ]) {
      expect(exposed.has(name)).toBe(true);
    }
  });

  it('F59 reads an answer that was kept for a key and first given to another app', async () => {
    const asked = [APP, OTHER_APP].map(async (origin) =>
      chat(router, {}, { ...ALICE, origin, 'idempotency-key': 'k1' }),
    );
    const told = await Promise.all(asked);
    expect(told.map(({ headers }) => headers.get('access-control-allow-origin'))).toEqual([APP, OTHER_APP]);
    expect(told.map(({ headers }) => headers.get('idempotent-replayed')).sort()).toEqual([null, 'true'].sort());
    expect(upstream.requests).toHaveLength(1);
  });

  it('F59 is the only one: another origin, and a service without origins, get no word of CORS', async () => {
    upstream.always(answer('Hello'));
    for (const [url, origin] of [
      [router.url, 'https://evil.example'],
      [closed.url, APP],
    ] as const) {
      const told = await preflight(url, origin);
      expect([told.status, (await jsonOf<ErrorJson>(told)).error.code]).toEqual([404, 'not_found']);
      const got = await chat({ url }, {}, { ...ALICE, origin });
      expect([got.status, [...told.headers.keys(), ...got.headers.keys()].filter(isPolicy)]).toEqual([200, []]);
    }
    expect((await chat(closed, {}, { ...ALICE, origin: APP })).headers.get('vary')).toBeNull();
  });

  it.each([
    ['a body that is no JSON', { 'content-type': 'application/json' }, '{bad', 400, 'invalid_request'],
    ['a body of another type', { 'content-type': 'text/plain' }, 'hello', 415, 'unsupported_media_type'],
    ['a large body', { 'content-type': 'application/json' }, `"${'x'.repeat(4096)}"`, 413, 'payload_too_large'],
    ['no body', {}, '', 404, 'not_found'],
  ])(
    "F59 has an OPTIONS that is no preflight answered in the API's form: %s",
    async (_, headers, body, status, code) => {
      const told = await sendRaw(
        router.url,
        [
          'OPTIONS /v1/route HTTP/1.1',
          'host: x',
          'connection: close',
          ...Object.entries({ ...headers, 'content-length': body.length }).map(([name, value]) => `${name}: ${value}`),
          '',
          body,
        ].join('\r\n'),
      );
      expect([told.status, (JSON.parse(told.body) as ErrorJson).error.code]).toEqual([status, code]);
      expect(told.head).toContain('x-request-id: ');
    },
  );

  it('F59 has an OPTIONS without a host answered in that form too', async () => {
    const told = await sendRaw(router.url, 'OPTIONS /v1/route HTTP/1.1\r\n\r\n');
    expect([told.status, (JSON.parse(told.body) as ErrorJson).error.code]).toEqual([400, 'invalid_request']);
  });

  it('F59 gets the error of a stream that cannot begin as an answer it can read', async () => {
    upstream.always(neverAnswer);
    const timeouts = { firstTokenMs: 50, plainMs: 50, loadMs: 50 };
    const slow = await startRouter(
      inOrder([targetOn(upstream, { timeouts })], { server: { corsOrigins: [APP] }, resilience: { retries: 0 } }),
    );
    const told = await chat(slow, { stream: true }, { origin: APP });
    expect([told.status, told.headers.get('access-control-allow-origin')]).toEqual([504, APP]);
    await slow.close();
  });

  it.each([
    ...['*', 'null', '', 'https://app.example.com/', 'https://app.example.com/path', 'app.example.com'],
    ...['https://App.example.com', 'https://app.example.com:443', 'https://*.example.com', 'https://a b.example'],
  ])('F59 "%s" is no origin, says the configuration', (origin) => {
    const found = routerConfigSchema.safeParse({ server: { corsOrigins: [origin] } });
    expect(found.error?.issues[0]?.path).toEqual(['server', 'corsOrigins', 0]);
  });

  it.each(['http://localhost:3000', 'https://app.example.com:8443', 'http://[::1]:3000', 'chrome-extension://abcdef'])(
    'F59 %s is one',
    (origin) => expect(routerConfigSchema.safeParse({ server: { corsOrigins: [origin] } }).success).toBe(true),
  );
});
