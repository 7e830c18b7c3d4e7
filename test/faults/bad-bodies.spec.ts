import { figure } from '../support/fault-row.js';
import { HOSTILE_BODIES as HOSTILE } from '../support/hostile-requests.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, jsonOf, type ErrorJson } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

describe('hostile bodies', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream, { contextWindow: 131_072 })]));
  });
  afterAll(async () => {
    figure('L04', `${Object.keys(HOSTILE).length} kinds of hostile bodies: upstream calls ${upstream.requests.length}`);
    await router.close();
    await upstream.close();
  });

  it.each(Object.keys(HOSTILE))(
    'L04 %s: refused before any upstream call, and the next request works',
    async (name) => {
      const { body, status, code } = HOSTILE[name]!;
      const response = await fetch(`${router.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Uint8Array(Buffer.from(body as string)),
      });
      const { error } = await jsonOf<ErrorJson>(response);
      expect({ status: response.status, code: error.code }).toEqual({ status, code });
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(upstream.requests).toEqual([]);
      expect((await chat(router)).status).toBe(200);
      upstream.reset();
    },
  );
});
