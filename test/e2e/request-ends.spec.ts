import { connect } from 'node:net';
import { once } from 'node:events';
import { allRequestLines, logTo, type Line } from '../support/captured-log.js';
import { sendRaw } from '../support/raw-http.js';
import { chat } from '../support/router-calls.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const ALICE = { authorization: 'Bearer alice' };
const ADMIN = { authorization: 'Bearer admin' };
const JSON_BODY = { 'content-type': 'application/json' };

describe('requests that no model answers', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let lines: Line[];
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
  });
  beforeEach(async () => {
    upstream.reset();
    lines = [];
    const keys = [
      keyFor('alice', { limits: { requestsPerMinute: 5 } }),
      keyFor('admin', { scopes: ['chat', 'admin'] }),
    ];
    router = await startRouter(inOrder([targetOn(upstream, { id: 'first' })], { auth: { keys } }), {
      logger: logTo(lines),
    });
  });
  afterEach(() => router.close());
  afterAll(() => upstream.close());

  const metrics = async () => (await fetch(`${router.url}/metrics`)).text();
  const count = async (series: string): Promise<number> => {
    const found = (await metrics()).split('\n').find((line) => line.startsWith(`${series} `));
    return Number(found?.split(' ').at(-1) ?? 0);
  };
  const requests = async (model: string, status: string): Promise<number> => {
    const matching = (await metrics())
      .split('\n')
      .filter((line) => line.startsWith('router_requests_total{'))
      .filter((line) => line.includes(`model="${model}"`) && line.includes(`status="${status}"`));
    return matching.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  const usedBy = async (user: string): Promise<number> => {
    const response = await fetch(`${router.url}/admin/usage?by=user`, { headers: ADMIN });
    const { data } = (await response.json()) as { data: { user: string; requests: number }[] };
    return data.find((row) => row.user === user)?.requests ?? 0;
  };

  it('are counted by status once each, whatever turned them away', async () => {
    upstream.script(answer('hello'));
    const url = `${router.url}/v1/chat/completions`;
    const sent = [
      await chat(router, {}, ALICE), // 200
      await fetch(url, { method: 'POST', headers: JSON_BODY, body: '{}' }), // 401
      await fetch(url, { method: 'POST', headers: { ...JSON_BODY, ...ALICE }, body: '{"model":' }), // 400, no JSON
      await fetch(url, { method: 'POST', headers: { ...JSON_BODY, ...ALICE }, body: '{"model":"auto"}' }), // 400, no messages
      await fetch(url, { method: 'POST', headers: { ...ALICE, 'content-type': 'text/plain' }, body: 'x' }), // 415
      await chat(router, { model: 'nowhere' }, ALICE), // 404, after its reservation
    ];
    expect(sent.map(({ status }) => status)).toEqual([200, 401, 400, 400, 415, 404]);
    expect(await requests('auto', '200')).toBe(1);
    expect(await requests('other', '401')).toBe(1);
    expect(await requests('other', '400')).toBe(1);
    expect(await requests('auto', '400')).toBe(1);
    expect(await requests('other', '415')).toBe(1);
    expect(await requests('other', '404')).toBe(1);
    expect(await usedBy('alice')).toBe(5); // who gave no valid key is nobody
    const told = await allRequestLines(router, lines);
    const shown = told.map(({ status, error_code: code }) => `${String(status)} ${String(code)}`).sort();
    expect(shown).toEqual([
      '200 null',
      '400 invalid_request',
      '400 invalid_request',
      '401 invalid_api_key',
      '404 model_not_found',
      '415 unsupported_media_type',
    ]);
    const refused = told.find(({ status }) => status === 401);
    expect(refused).toMatchObject({ tenant: null, route: '/v1/chat/completions', method: 'POST', outcome: 'failed' });
  });

  it('have repeats of an Idempotency-Key among them, which cost nothing', async () => {
    upstream.script(answer('hello'));
    const headers = { ...ALICE, 'idempotency-key': 'k1' };
    const first = await chat(router, {}, headers);
    const again = await chat(router, {}, headers);
    expect([first.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 200, 'true']);
    expect(await requests('auto', '200')).toBe(2);
    expect(await usedBy('alice')).toBe(2);
    for (const replayed of [null, 'true']) {
      const answered = await fetch(`${router.url}/query`, {
        method: 'POST',
        headers: { ...headers, ...JSON_BODY, 'idempotency-key': 'k2' },
        body: JSON.stringify({ query: 'hello' }),
      });
      expect([answered.status, answered.headers.get('idempotent-replayed')]).toEqual([200, replayed]);
    }
    expect(await requests('auto', '200')).toBe(4);
    expect((await allRequestLines(router, lines)).filter(({ replayed }) => replayed === true)).toHaveLength(2);
  });

  it('are counted by the pattern of their route where it calls no model; probes are not', async () => {
    for (const path of ['/health', '/ready', '/v1/models', '/v1/models/first', '/no/such/path', '/another']) {
      await (await fetch(`${router.url}${path}`, { headers: ALICE })).text();
    }
    expect(await count('router_http_requests_total{route="/v1/models",status="200"}')).toBe(1);
    expect(await count('router_http_requests_total{route="/v1/models/:id",status="200"}')).toBe(1);
    expect(await count('router_http_requests_total{route="other",status="404"}')).toBe(2);
    expect(await metrics()).not.toMatch(/router_http_requests_total\{route="\/(health|ready|metrics)"/);
  });

  it('have callers among them who left while their body was on its way, and paths that are none', async () => {
    const { port } = new URL(router.url);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer alice\r\n');
    socket.write('content-type: application/json\r\ncontent-length: 100\r\n\r\n{"model"');
    while (router.app.getHttpAdapter().getHttpServer().connections === 0) await new Promise(setImmediate);
    socket.resetAndDestroy();
    let left = 0;
    for (const end = Date.now() + 5_000; left === 0 && Date.now() < end;) left = await requests('other', '499');
    expect(left).toBe(1);
    await fetch(`${router.url}/v1/models/%zz`, { headers: ALICE });
    expect(await count('router_http_requests_total{route="other",status="400"}')).toBe(1);
  });

  it('have among them what is no HTTP, or none that is spoken here', async () => {
    const post = 'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n';
    const broken = {
      400: [`${post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 'nonsense\r\n\r\n'],
      405: ['CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n'],
      417: [`${post}expect: miracles\r\ncontent-length: 0\r\n\r\n`],
      431: [`${post}x-long: ${'x'.repeat(64 * 1024)}\r\n\r\n`],
    };
    for (const [status, requests] of Object.entries(broken)) {
      for (const bytes of requests) expect((await sendRaw(router.url, bytes)).status).toBe(Number(status));
      expect(await count(`router_http_requests_total{route="other",status="${status}"}`)).toBe(requests.length);
    }
  });
});
