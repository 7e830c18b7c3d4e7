import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat } from '../support/router-calls.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { sendRaw } from '../support/raw-http.js';
import { UpstreamServer } from '../support/upstream-server.js';

const ALICE = { authorization: 'Bearer alice-key' };
const APP = 'https://app.example.com';

const API = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
const NAMES = Object.keys(API);

describe('security headers', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    router = await startRouter(
      inOrder([targetOn(upstream)], {
        auth: { keys: [keyFor('alice-key')] },
        limits: { requestsPerMinute: 1_000 },
        server: { corsOrigins: [APP], bodyLimitBytes: 2048 },
      }),
    );
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const get = (path: string, headers: Record<string, string> = {}) => fetch(router.url + path, { headers });
  const keyed = (stream: boolean) => chat(router, { stream }, { ...ALICE, 'idempotency-key': `k-${stream}` });
  const policyOf = ({ headers }: Response) => Object.fromEntries(NAMES.map((name) => [name, headers.get(name)]));

  const answers: [what: string, status: number, ask: () => Promise<Response>][] = [
    ['an answer', 200, () => chat(router, {}, ALICE)],
    ['a stream', 200, () => chat(router, { stream: true }, ALICE)],
    ['an answer that is kept', 200, () => keyed(false)],
    ['the same, replayed', 200, () => keyed(false)],
    ['a stream that is kept', 200, () => keyed(true)],
    ['the same, replayed', 200, () => keyed(true)],
    ['a list', 200, () => get('/v1/models', ALICE)],
    ['a probe', 200, () => get('/health')],
    ['the metrics', 200, () => get('/metrics')],
    ['a missing key', 401, () => chat(router)],
    ['a missing scope', 403, () => get('/admin/targets', ALICE)],
    ['no such route', 404, () => get('/nowhere', ALICE)],
    ['no such model', 404, () => chat(router, { model: 'nope' }, ALICE)],
    ['a path that is none', 400, () => get('/v1/%zz', ALICE)],
    ['a bad body', 400, () => chat(router, { messages: 1 }, ALICE)],
    ['a large body', 413, () => chat(router, { user: 'x'.repeat(4096) }, ALICE)],
    [
      'a preflight',
      204,
      () =>
        fetch(`${router.url}/query`, {
          method: 'OPTIONS',
          headers: { origin: APP, 'access-control-request-method': 'POST' },
        }),
    ],
  ];
  it.each(answers)('are on %s, each once', async (_, status, ask) => {
    const response = await ask();
    await response.text();
    expect({ status: response.status, ...policyOf(response) }).toEqual({ status, ...API });
    expect(response.headers.get('strict-transport-security')).toBeNull(); // nobody ends TLS here
  });

  it.each([
    ['a header that is too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(65_536)}\r\n\r\n`, 431],
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['an expectation', 'POST /query HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n', 417],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
  ])('are on what is said to %s', async (_, bytes, status) => {
    const answer = await sendRaw(router.url, bytes);
    expect(answer.status).toBe(status);
    for (const [name, value] of Object.entries(API)) expect(answer.head).toContain(`\r\n${name}: ${value}`);
  });

  it('let Swagger UI work, and nothing else run in its page', async () => {
    const page = await get('/docs');
    const html = await page.text();
    const scripts = [...html.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)];
    expect(scripts.map(([, , inline]) => inline?.trim())).toEqual(['', '', '']); // none stands in the page itself
    for (const [, attributes] of scripts) {
      const source = /src="([^"]+)"/.exec(attributes!)![1]!;
      const file = await fetch(new URL(source, `${router.url}/docs`));
      expect([source, file.status, file.headers.get('x-content-type-options')]).toEqual([source, 200, 'nosniff']);
      expect(file.headers.get('content-type')).toMatch(/javascript/);
    }
    expect(html).not.toMatch(/\son\w+="|javascript:/);
    const policy = page.headers.get('content-security-policy')!.split(';');
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      "font-src 'self' data:",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(page.headers.get('x-frame-options')).toBe('DENY');
  });

  it('promise https only where a proxy ends it', async () => {
    const behind = await startRouter(inOrder([targetOn(upstream)], { server: { trustedProxies: 1 } }));
    const told = await Promise.all([chat(behind), chat(behind, { stream: true }), fetch(`${behind.url}/docs`)]);
    for (const response of told) {
      await response.text();
      expect(response.headers.get('strict-transport-security')).toBe('max-age=31536000');
    }
    await behind.close();
  });
});
