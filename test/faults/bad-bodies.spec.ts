import { figure } from '../support/fault-row.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, jsonOf, type ErrorJson } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

const MB = 1024 * 1024;
const wrap = (content: string) => `{"model":"auto","messages":[{"role":"user","content":${content}}]}`;
const field = (name: string, json: string) =>
  `{"model":"auto","messages":[{"role":"user","content":"hi"}],"${name}":${json}}`;
const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;

const HOSTILE: Record<string, { body: string | Buffer; status: number; code: string }> = {
  'a body of 10 MB': { body: wrap(`"${'a'.repeat(10 * MB)}"`), status: 413, code: 'payload_too_large' },
  'a million tokens': { body: wrap(`"${'word '.repeat(800_000)}"`), status: 400, code: 'context_length_exceeded' },
  'nesting of 10,000': { body: field('metadata', deep), status: 400, code: 'invalid_request' },
  NaN: { body: field('temperature', 'NaN'), status: 400, code: 'invalid_request' },
  Infinity: { body: field('temperature', '1e999'), status: 400, code: 'invalid_request' },
  'a lone surrogate': { body: wrap('"\\ud800"'), status: 400, code: 'invalid_request' },
  'invalid UTF-8': { body: Buffer.from(wrap('"\xff\xfe"'), 'latin1'), status: 400, code: 'invalid_request' },
  'a number as messages': { body: '{"model":"auto","messages":1}', status: 400, code: 'invalid_request' },
  'a string as max_tokens': { body: field('max_tokens', '"9"'), status: 400, code: 'invalid_request' },
  'an array as body': { body: '[]', status: 400, code: 'invalid_request' },
  'no body': { body: '', status: 400, code: 'invalid_request' },
};

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
