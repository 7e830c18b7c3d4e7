import { UpstreamServer } from '../support/upstream-server.js';
import { figure } from '../support/fault-row.js';
import { BROKEN, ODD_JSON, POST, SMUGGLED } from '../support/hostile-requests.js';
import { sendRaw } from '../support/raw-http.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, jsonOf, type ErrorJson } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';

describe('what is not proper HTTP', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream)]));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    figure('L05', `${Object.keys(BROKEN).length + 1} kinds of broken HTTP: accepted 0`);
    figure('L04b', 'odd keys and NUL: polluted 0');
    await router.close();
    await upstream.close();
  });

  it.each(Object.keys(BROKEN))('L05 %s: refused, connection closed, no model called', async (name) => {
    const { bytes, status } = BROKEN[name] as (typeof BROKEN)[string];
    const answer = await sendRaw(router.url, bytes);
    expect(answer.status).toBe(status);
    const { error } = JSON.parse(answer.body) as ErrorJson;
    expect(error).toEqual({
      message: expect.any(String),
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_request',
    });
    expect(answer.head.toLowerCase()).toContain('connection: close');
    expect(upstream.requests).toEqual([]);
    expect((await fetch(`${router.url}/health`)).status).toBe(200);
  });

  it('L05 headers that never end: 408 and hung up', async () => {
    const server = router.app.getHttpServer();
    expect(server.headersTimeout).toBe(15_000);
    server.headersTimeout = 300; // the same timer, in less of the test's time
    server.emit('listening'); // starts the check of connections anew
    const answer = await sendRaw(router.url, 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n');
    server.headersTimeout = 15_000;
    expect(answer.status).toBe(408);
    expect((JSON.parse(answer.body) as ErrorJson).error.code).toBe('invalid_request');
    expect(upstream.requests).toEqual([]);
  }, 10_000);

  it('L05 a second request behind a refused one is not served', async () => {
    const bytes = `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`;
    const { status, body } = await sendRaw(router.url, bytes);
    expect(status).toBe(400);
    expect(body).not.toContain('HTTP/1.1 200');
    expect(upstream.requests).toEqual([]);
  });

  it.each(ODD_JSON)('L04b legal but odd JSON is plain data: %s', async (body) => {
    const response = await fetch(`${router.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect([200, 400]).toContain(response.status);
    await response.text();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    const next = await jsonOf(await chat(router));
    expect(JSON.stringify(next)).not.toContain('polluted');
    const sent = upstream.requests.at(-1)?.body as Record<string, unknown>;
    expect(sent).toEqual({ model: upstream.model, messages: [{ role: 'user', content: 'hi' }] });
  });
});
