import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJsonLogger } from '../../src/common/logging/json-logger.js';
import { ask, chat, eventually, post } from '../support/router-calls.js';
import { figure } from '../support/figure.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { sendRaw } from '../support/raw-http.js';
import { answer, errorBody, status } from '../support/upstream-behaviours.js';
import { errorInStream } from '../support/upstream-twists.js';
import { UpstreamServer } from '../support/upstream-server.js';

/** What callers might write without thinking, and a word that only they know. */
const WORD = 'zoemarker';
const MAIL = `${WORD}@example.com`;
const CARD = '4111111111111111';
const DASHED_CARD = '4111-1111-1111-1111';
const KEY = 'sk-abcdefghijklmnop0123456789qrstuv';
const PRIVATE = [MAIL, `${WORD}%40example.com`, CARD, DASHED_CARD, KEY];
const EVERYTHING = `${WORD} ${PRIVATE.join(' ')}`;

const ALICE = { authorization: 'Bearer alice-key' };
const ADA = { authorization: 'Bearer ada-key' };

describe('what callers and model servers write', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let collector: Server;
  let dataDir: string;
  const lines: string[] = [];
  const spans: string[] = [];

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    collector = createServer((request, response) => {
      request.setEncoding('utf8').on('data', (piece: string) => spans.push(piece));
      request.on('end', () => response.end('{}'));
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    dataDir = mkdtempSync(join(tmpdir(), 'router-texts-'));
    const logger = createJsonLogger({ write: (line) => void lines.push(line), flush: async () => undefined }, 'trace');
    router = await startRouter(
      inOrder([targetOn(upstream)], {
        limits: GENEROUS,
        resilience: { retries: 0, breaker: { failures: 1_000 } },
        auth: { keys: [keyFor('alice-key'), keyFor('ada-key', { scopes: ['admin'] })] },
        telemetry: { otlpEndpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` },
      }),
      { dataDir, logger },
    );
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
    collector.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  beforeEach(() => upstream.reset());

  const get = (path: string, headers: Record<string, string> = {}) => fetch(router.url + path, { headers });
  const inPath = [
    `/${WORD}`,
    `/v1/models/${MAIL}`,
    `/${WORD}%40example.com/${CARD}`,
    `/v1/models/${KEY}`,
    `/v1/sessions/${CARD}`,
    `/v1/sessions/${MAIL}`,
  ];
  const inNames = [WORD, ...PRIVATE];

  /** Every field that a caller can write, one request each. */
  function requests(): Promise<Response>[] {
    const headers = {
      'user-agent': EVERYTHING,
      'x-custom': EVERYTHING,
      traceparent: MAIL,
      referer: `http://x/${MAIL}`,
    };
    return [
      ...inNames.map((model) => chat(router, { model }, { ...ALICE, ...headers })),
      ...inNames.map((model) => chat(router, { model, stream: true }, ALICE)),
      ...inNames.map((model) => post(`${router.url}/query`, { query: EVERYTHING, model }, ALICE)),
      ...inNames.map((model) => post(`${router.url}/v1/route`, { query: 'x', model }, ALICE)),
      ...PRIVATE.map((id) => chat(router, {}, { ...ALICE, 'x-request-id': id })),
      ...inNames.map((id) => chat(router, {}, { ...ALICE, 'x-session-id': id })),
      ...inNames.map((id) => post(`${router.url}/query`, { query: 'x', session_id: id }, ALICE)),
      ...inNames.map((name) => chat(router, {}, { ...ALICE, 'x-router-strategy': name })),
      ...inNames.map((name) => chat(router, {}, { ...ALICE, 'idempotency-key': name, 'cache-control': name })),
      ...inNames.map((name) => post(`${router.url}/query`, { query: 'x', [name]: name, strategy: name }, ALICE)),
      ...inNames.map((name) => chat(router, { messages: [{ role: name, content: EVERYTHING }] }, ALICE)),
      ...inNames.map((name) => chat(router, {}, { authorization: `Bearer ${name}` })),
      ...inNames.map((name) => chat(router, {}, { ...ALICE, 'content-type': `text/${WORD}; x="${name}"` })),
      ...inPath.map((path) => get(path, ALICE)),
      ...inPath.map((path) => get(`${path}?${WORD}=${MAIL}`)),
      ...inNames.map((id) => post(`${router.url}/admin/targets/${id}/drain`, '', ADA)),
      get(`/v1/sessions?after=${MAIL}&limit=${WORD}`, ALICE),
      chat(router, { messages: ask(EVERYTHING), user: MAIL, metadata: { [MAIL]: CARD }, tools: EVERYTHING }, ALICE),
      post(`${router.url}/v1/chat/completions`, `{"model":"auto","messages": ${EVERYTHING}`, ALICE),
      post(`${router.url}/v1/chat/completions`, `${WORD} is no JSON, ${MAIL}`, ALICE),
      post(`${router.url}/v1/feedback`, { request_id: MAIL, score: 1, comment: EVERYTHING }, ALICE),
      post(`${router.url}/v1/feedback`, { request_id: WORD, score: CARD }, ALICE),
    ];
  }

  /** A server that repeats the request in its errors, before and in the middle of an answer. */
  async function echoes(): Promise<Response[]> {
    const told: Response[] = [];
    for (const code of [400, 401, 404, 429, 500]) {
      upstream.always(status(code, errorBody(`cannot do: ${EVERYTHING}`, 'some_error', WORD, MAIL)));
      told.push(await chat(router, {}, ALICE), await chat(router, { stream: true }, ALICE));
    }
    const error = { message: `broken: ${EVERYTHING}`, type: 'server_error', code: WORD };
    upstream.always(answer('one two three four', {}, errorInStream(2, error)));
    told.push(await chat(router, { stream: true }, ALICE));
    return told;
  }

  it('F12 is in no log line, span, metric, record or listing, and nothing private in an error', async () => {
    const told = [...(await Promise.all(requests())), ...(await echoes())];
    const bodies = await Promise.all(told.map((response) => response.text()));
    const errors = bodies.filter((body) => body.includes('"error"'));
    expect(errors.length).toBeGreaterThan(60);
    for (const body of errors) for (const text of PRIVATE) expect(body).not.toContain(text);
    for (const { headers } of told)
      for (const [, value] of headers) for (const text of PRIVATE) expect(value).not.toContain(text);
    const raw = await sendRaw(router.url, `GET /${MAIL} HTTP/1.1\r\nhost: ${WORD}\r\nconnection: close\r\n\r\n`);
    expect(raw.body).not.toContain(MAIL);

    await eventually('the spans arrive', 10_000, () => spans.join('').includes('chat other'));
    const metrics = await (await get('/metrics')).text();
    const listed = await Promise.all(
      ['/admin/targets', '/admin/usage', '/admin/requests?format=jsonl'].map(async (path) =>
        (await get(path, ADA)).text(),
      ),
    );
    expect(listed.join('')).toContain('"request_id"');
    const listings = listed.join('').replaceAll(`"session_id":"${WORD}"`, ''); // the name of a conversation is what it is found by
    await router.app.close(); // the last spans are written
    const places = { log: lines.join(''), spans: spans.join(''), metrics, listings };
    for (const [place, text] of Object.entries(places)) {
      const found = [WORD, ...PRIVATE].filter((planted) => text.includes(planted));
      const shown = found.map((planted) => text.slice(Math.max(0, text.indexOf(planted) - 200)).slice(0, 300));
      expect({ place, shown }).toEqual({ place, shown: [] });
    }
    expect(metrics).toMatch(/router_requests_total\{model="other",/);
    figure('F12', `planted in ${told.length} requests; in ${lines.length} log lines, spans, metrics and records: 0`);
  });
});
