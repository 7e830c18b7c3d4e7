import { answer, status, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, framesOf, jsonOf, payloadsOf, post, streamedText } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import type { Completion } from '../../src/common/chat.js';

const ACME = { authorization: 'Bearer acme-key' };

describe('the answer cache', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let questions = 0;
  const config = (rest: object) =>
    inOrder([targetOn(upstream, { price: { input: 1, output: 1 } })], {
      cache: { enabled: true },
      limits: GENEROUS,
      resilience: { retries: 0 },
      auth: { keys: [keyFor('acme-key'), keyFor('colleague'), keyFor('other-key', { tenant: 'other' })] },
      ...rest,
    });
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(config({}));
  });
  beforeEach(() => {
    upstream.reset();
    questions += 1;
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  /** A question of this test's own, so that no test meets the answers of another. */
  const say = (body: object = {}, headers: Record<string, string> = {}) =>
    chat(router, { messages: [{ role: 'user', content: `question ${questions}` }], ...body }, { ...ACME, ...headers });
  /** The cache's verdict, once the whole answer has been read. */
  const verdict = async (response: Promise<Response>) => {
    const { headers } = await response;
    await (await response).text();
    return headers.get('x-router-cache');
  };
  const FORMS: Record<string, object> = {
    plain: {},
    streamed: { stream: true },
    'streamed with usage': { stream: true, stream_options: { include_usage: true } },
  };
  const pairs = Object.keys(FORMS).flatMap((first) => Object.keys(FORMS).map((second) => ({ first, second })));

  it.each(pairs)('$first MISS, then $second HIT with the same answer', async ({ first, second }) => {
    upstream.always(answer('Grüße 🚀 und mehr', { logprobs: true, extra: { top: { x_top: 1 } } }));
    expect(await verdict(say(FORMS[first]))).toBe('MISS');
    const hit = await say(FORMS[second]);
    const text = await hit.text();
    expect(Object.fromEntries(hit.headers)).toMatchObject({
      'x-router-cache': 'HIT',
      'x-router-reason': 'cache_hit',
      'x-router-attempts': '0',
      'x-router-target': upstream.model,
      'x-router-model': upstream.model,
    });
    expect(upstream.requests).toHaveLength(1);
    if (second === 'plain') {
      const body = JSON.parse(text) as Completion;
      expect(body).toMatchObject({ object: 'chat.completion', x_top: 1, usage: { completion_tokens: 4 } });
      expect(body.choices).toMatchObject([{ finish_reason: 'stop', message: { content: 'Grüße 🚀 und mehr' } }]);
    } else {
      const frames = framesOf(text);
      expect(streamedText(text)).toBe('Grüße 🚀 und mehr');
      expect(frames.every(({ object }) => object === 'chat.completion.chunk')).toBe(true);
      expect(frames.filter(({ usage }) => usage)).toHaveLength(second === 'streamed' ? 0 : 1);
      expect(frames.flatMap(({ choices }) => choices?.[0]?.finish_reason ?? [])).toEqual(['stop']);
      expect(payloadsOf(text).at(-1)).toBe('[DONE]');
    }
  });

  it('replays a tool call in the other form', async () => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    upstream.always(toolCall('f', { city: 'Oslo' }));
    expect(await verdict(say({ tools, stream: true }))).toBe('MISS');
    const { choices } = await jsonOf<Completion>(await say({ tools }));
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"city":"Oslo"}' } };
    expect(choices?.[0]).toMatchObject({ finish_reason: 'tool_calls', message: { tool_calls: [call] } });
    expect(upstream.requests).toHaveLength(1);
  });

  it('costs nothing and says so', async () => {
    const query = () => post(`${router.url}/query`, { query: `question ${questions}` }, ACME);
    await (await query()).text();
    const hit = await query();
    expect(hit.headers.get('x-router-cost-usd')).toBe('0');
    const { metadata } = await jsonOf<{ metadata: object }>(hit);
    expect(metadata).toMatchObject({ cached: true, cost_usd: 0, attempts: [], usage: { completion_tokens: 3 } });
  });

  it.each([
    { header: 'no-cache', second: 'BYPASS', third: 'HIT', calls: 2 },
    { header: 'no-store', second: 'BYPASS', third: 'HIT', calls: 2 },
    { header: 'max-age=60', second: 'HIT', third: 'HIT', calls: 1 },
  ])('Cache-Control: $header on the second request', async ({ header, second, third, calls }) => {
    upstream.script(answer('old'));
    upstream.always(answer('new'));
    expect(await verdict(say())).toBe('MISS');
    expect(await verdict(say({}, { 'cache-control': header }))).toBe(second);
    const last = await say();
    expect(last.headers.get('x-router-cache')).toBe(third);
    const { choices } = await jsonOf<Completion>(last);
    expect(choices?.[0]?.message?.content).toBe(header === 'no-cache' ? 'new' : 'old'); // no-cache refreshes
    expect(upstream.requests).toHaveLength(calls);
  });

  it('no-store keeps an answer out', async () => {
    expect(await verdict(say({}, { 'cache-control': 'no-store' }))).toBe('BYPASS');
    expect(await verdict(say())).toBe('MISS');
  });

  it('is shared within a tenant and with nobody else', async () => {
    expect(await verdict(say())).toBe('MISS');
    expect(await verdict(say({}, { authorization: 'Bearer colleague' }))).toBe('HIT');
    expect(await verdict(say({}, { authorization: 'Bearer other-key' }))).toBe('MISS');
    expect(upstream.requests).toHaveLength(2);
  });

  it.each([
    { temperature: 0.5 },
    { seed: 1 },
    { user: 'bob' },
    { max_tokens: 9 },
    { x_unknown: 1 },
    { constructor: 'c' },
    { model: 'upstream-model' },
    { messages: [{ role: 'system', content: 's' }] },
  ] as object[])('another request is another answer: %j', async (change: object) => {
    expect(await verdict(say())).toBe('MISS');
    expect(await verdict(say(change))).toBe('MISS');
  });

  it("another session's question is another question", async () => {
    expect(await verdict(say())).toBe('MISS');
    await (
      await chat(
        router,
        { messages: [{ role: 'user', content: 'My name is Ada.' }] },
        { ...ACME, 'x-session-id': `c${questions}` },
      )
    ).text();
    expect(await verdict(say({}, { 'x-session-id': `c${questions}` }))).toBe('MISS');
  });

  it.each([
    { name: 'an error', behaviour: status(500), body: {} },
    { name: 'a cut stream', behaviour: answer('one two', {}, cutAfter(1)), body: { stream: true } },
    { name: 'a truncated answer', behaviour: answer('one', { finishReason: 'length' }), body: {} },
    { name: 'a filtered answer', behaviour: answer('one', { finishReason: 'content_filter' }), body: {} },
  ])('$name is not kept', async ({ behaviour, body }) => {
    upstream.script(behaviour);
    await (await say(body)).text();
    const next = await say(body);
    expect(next.headers.get('x-router-cache')).toBe('MISS');
    expect(await next.text()).toContain('upstream');
  });

  it('can be switched off', async () => {
    const off = await startRouter(config({ cache: { enabled: false } }));
    try {
      const ask = () => verdict(chat(off, {}, ACME));
      expect([await ask(), await ask()]).toEqual(['DISABLED', 'DISABLED']);
      expect(upstream.requests).toHaveLength(2);
    } finally {
      await off.close();
    }
  });
});
