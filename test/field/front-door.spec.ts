import { collectGarbage } from '../support/collected-garbage.js';
import { connect, type Socket } from 'node:net';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, chat, eventually, jsonOf, targetsOf, type ErrorJson } from '../support/router-calls.js';
import { figure } from '../support/figure.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { sendRaw, type RawAnswer } from '../support/raw-http.js';
import { UpstreamServer } from '../support/upstream-server.js';

const MEGABYTE = 1024 * 1024;
const BLANKS = Buffer.alloc(12 * MEGABYTE, ' ');
const codeOf = ({ body }: RawAnswer): string => (JSON.parse(body) as ErrorJson).error.code;

/** A request as bytes, so that every header can be what a browser, and only a browser, would send. */
const raw = (line: string, headers: Record<string, string>, body = ''): string =>
  [
    `${line} HTTP/1.1`,
    ...Object.entries({ connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`),
    ...(body ? ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`] : []),
    '',
    body,
  ].join('\r\n');

const QUESTION = JSON.stringify({ model: 'auto', messages: ask('hi') });

describe('a service without keys, and a page in a browser on the same machine', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let own: string;

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    router = await startRouter(
      inOrder([targetOn(upstream)], { server: { corsOrigins: ['https://app.example', 'vscode-webview://panel'] } }),
    );
    own = new URL(router.url).host;
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });
  beforeEach(() => upstream.reset());

  const foreign: Record<string, string>[] = [
    { host: 'attacker.example' },
    { host: 'attacker.example:8080', origin: 'http://attacker.example:8080', 'sec-fetch-site': 'same-origin' },
    { host: 'localhost.attacker.example' },
    { host: '127.0.0.1.attacker.example' },
    { host: '10.0.0.1' },
    { host: '' },
    { host: 'OWN', origin: 'https://attacker.example' },
    { host: 'OWN', origin: 'null' },
    { host: 'OWN', origin: 'http://localhost:3000' },
    { host: 'OWN', origin: 'https://app.example.attacker.example' },
    { host: 'OWN', 'sec-fetch-site': 'cross-site' },
    { host: 'OWN', 'sec-fetch-site': 'same-site' },
    { host: 'OWN', origin: 'http://OWN', 'sec-fetch-site': 'cross-site' },
    { host: 'attacker.example', origin: 'https://app.example' },
  ];
  const routes: [line: string, body?: string][] = [
    ['GET /v1/sessions'],
    ['GET /v1/models'],
    ['GET /health'],
    ['GET /ready'],
    ['GET /metrics'],
    ['GET /docs'],
    ['GET /openapi.json'],
    ['GET /no/such/route'],
    ['HEAD /v1/models'],
    ['DELETE /v1/sessions/x'],
    ['POST /v1/chat/completions', QUESTION],
    ['POST /query', '{"query":"hi"}'],
    ['POST /admin/targets/local/drain'],
  ];

  it.each(foreign)('F18 a request with %j is refused on every route, before anything happens', async (headers) => {
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('OWN', own)]),
    );
    for (const [line, body] of routes) {
      const answer = await sendRaw(router.url, raw(line, filled, body));
      expect([line, answer.status]).toEqual([line, 403]);
      if (!line.startsWith('HEAD')) expect(codeOf(answer)).toBe('permission_denied');
    }
    expect(upstream.requests).toHaveLength(0);
    expect((await targetsOf(router))[0]?.breaker).toBe('closed');
  });

  it('F18 a text/plain POST that needs no preflight does nothing either', async () => {
    const headers = {
      host: own,
      origin: 'https://attacker.example',
      'content-type': 'text/plain',
      'content-length': '2',
    };
    const answer = await sendRaw(router.url, `${raw('POST /admin/targets/local/drain', headers)}{}`);
    expect([answer.status, (await targetsOf(router))[0]?.breaker]).toEqual([403, 'closed']);
  });

  it.each([
    { host: 'localhost:OWNPORT' },
    { host: 'LOCALHOST.:OWNPORT' },
    { host: 'router.localhost:OWNPORT' },
    { host: '[::1]:OWNPORT' },
    { host: '127.0.0.1' },
    { host: 'OWN', origin: 'http://OWN', 'sec-fetch-site': 'same-origin' },
    { host: 'OWN', 'sec-fetch-site': 'none' },
    { host: 'OWN', origin: 'https://app.example', 'sec-fetch-site': 'cross-site' },
    { host: 'OWN', origin: 'vscode-webview://panel' },
  ] as Record<string, string>[])('F18 %j is served', async (headers) => {
    const port = new URL(router.url).port;
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('OWNPORT', port).replace('OWN', own)]),
    );
    for (const line of ['GET /docs', 'GET /v1/models']) {
      expect((await sendRaw(router.url, raw(line, filled))).status).toBe(200);
    }
    expect((await sendRaw(router.url, raw('POST /v1/chat/completions', filled, QUESTION))).status).toBe(200);
  });

  it('F18 a probe that speaks HTTP/1.0 without Host is no browser', async () => {
    expect((await sendRaw(router.url, 'GET /health HTTP/1.0\r\n\r\n')).status).toBe(200);
  });
});

describe('a service with keys', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  const wrong = { authorization: 'Bearer not-a-key' };
  const alice = { authorization: 'Bearer alice-key' };

  beforeEach(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    router = await startRouter(
      inOrder([targetOn(upstream)], {
        limits: GENEROUS,
        server: { bodyLimitBytes: 16 * MEGABYTE, trustedProxies: 1 },
        auth: { keys: [keyFor('alice-key'), keyFor('ada-key', { scopes: ['admin'] })] },
      }),
    );
  });
  afterEach(async () => {
    await router.close();
    await upstream.close();
  });

  /** Sends the head and `bytes` of a body of 12 MB, and nothing more; resolves with the first bytes of the answer. */
  function heldBack(headers: Record<string, string>, bytes: number, line = 'POST /v1/chat/completions') {
    const { hostname, port } = new URL(router.url);
    const head = raw(line, {
      host: `${hostname}:${port}`,
      ...{ connection: 'keep-alive', 'content-type': 'application/json', 'content-length': String(12 * MEGABYTE) },
      ...headers,
    });
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined); // a reset after the answer is no less an answer
    socket.write(head);
    if (bytes > 0) socket.write(BLANKS.subarray(0, bytes));
    const answer = new Promise<string>((resolve, reject) => {
      socket.once('data', (piece) => resolve(piece.toString('utf8')));
      socket.once('close', () => reject(new Error('closed without an answer')));
    });
    return { socket, answer };
  }

  it.each([
    ['a wrong key', wrong, 'POST /v1/chat/completions', 401],
    ['no key', {}, 'POST /query', 401],
    ['a key without the scope', { authorization: 'Bearer ada-key' }, 'POST /v1/chat/completions', 403],
    ['a key without the scope admin', alice, 'POST /admin/targets/local/drain', 403],
    ['a route that does not exist', alice, 'POST /v1/nowhere', 404],
  ] as const)('F58 %s is told before the body is there', async (_, headers, line, status) => {
    const { socket, answer } = heldBack(headers, 1024, line);
    expect(await answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    socket.destroy();
    expect(upstream.requests).toHaveLength(0);
  });

  it('F58 twenty callers without a key and 12 MB each cost no memory', async () => {
    const before = process.memoryUsage();
    const sockets: Socket[] = [];
    let most = 0;
    for (let caller = 0; caller < 20; caller++) {
      const { socket, answer } = heldBack({}, 12 * MEGABYTE - 1);
      sockets.push(socket);
      expect(await answer).toMatch(/^HTTP\/1.1 (401|429) /);
      await eventually(
        'the socket took it all, or is closed',
        5_000,
        () => socket.writableLength === 0 || socket.closed,
      );
      collectGarbage(); // what was read and thrown away is not kept
      const { arrayBuffers, external } = process.memoryUsage();
      most = Math.max(most, arrayBuffers - before.arrayBuffers, external - before.external);
    }
    figure('F58', `${(most / MEGABYTE).toFixed(1)} MB more for 20 callers with 12 MB each`);
    expect(most).toBeLessThan(60 * MEGABYTE); // 240 were sent; what is in the sockets themselves is in it
    for (const socket of sockets) socket.destroy();
  });

  it('F58 open routes stay open, whoever asks', async () => {
    for (const path of ['/health', '/ready', '/metrics', '/docs', '/openapi.json']) {
      expect([path, (await fetch(router.url + path, { headers: wrong })).status]).toEqual([path, 200]);
    }
    expect((await fetch(`${router.url}/v1/models`)).status).toBe(401);
    expect((await fetch(`${router.url}/v1/sessions`)).status).toBe(401);
    expect((await fetch(`${router.url}/admin/targets`, { headers: alice })).status).toBe(403);
    expect((await fetch(`${router.url}/admin/targets`, { headers: { 'x-api-key': 'ada-key' } })).status).toBe(200);
  });

  it('F58 every route but the open ones asks for a key', async () => {
    const { paths } = await jsonOf<{ paths: Record<string, object> }>(await fetch(`${router.url}/openapi.json`));
    const open: string[] = [];
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods)) {
        const headers = { 'x-forwarded-for': `192.0.2.${Object.keys(paths).indexOf(path)}` };
        const url = router.url + path.replaceAll(/\{\w+\}/g, 'some');
        const { status } = await fetch(url, { method: method.toUpperCase(), headers });
        if (status !== 401) open.push(`${method} ${path} ${status}`);
      }
    }
    expect(open.sort()).toEqual(['get /health 200', 'get /metrics 200', 'get /ready 200']);
  });

  const from = (address: string, headers: Record<string, string> = wrong) =>
    chat(router, {}, { ...headers, 'x-forwarded-for': address });
  const wrongFrom = async (address: string): Promise<number> => (await from(address)).status;

  it('F19 slows wrong keys down, per address, with one answer for every cause', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 200; i++)
      statuses.push((await from('203.0.113.7', { authorization: `Bearer guess-${i}` })).status);
    const told = statuses.indexOf(429);
    expect(statuses.slice(0, told)).toEqual(Array.from({ length: told }, () => 401));
    expect(new Set(statuses.slice(told))).toEqual(new Set([429]));
    expect(told).toBeLessThanOrEqual(100);
    const causes: Record<string, string>[] = [
      {},
      wrong,
      { authorization: 'Basic eDp5' },
      { 'x-api-key': 'a', 'api-key': 'b' },
    ];
    const answers = await Promise.all(causes.map((headers) => from('203.0.113.7', headers)));
    const texts = await Promise.all(answers.map((answer) => jsonOf<ErrorJson>(answer)));
    expect(new Set(texts.map(({ error }) => error.message)).size).toBe(1);
    for (const answer of answers) {
      expect(answer.status).toBe(429);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(answer.headers.get('x-should-retry')).toBe('false');
    }
    expect([await wrongFrom('203.0.113.8'), (await from('203.0.113.7', alice)).status]).toEqual([401, 200]);
    figure('F19', `${told} wrong keys from one address are 401, then 429; a good key from there 200`);
  });

  it('F19 takes an IPv6 network of a customer for one address', async () => {
    for (let i = 0; i < 100; i++) await from(`2001:db8:1:2::${i.toString(16)}`);
    expect([await wrongFrom('2001:db8:1:2:ffff::1'), await wrongFrom('2001:db8:1:3::1')]).toEqual([429, 401]);
  });
});
