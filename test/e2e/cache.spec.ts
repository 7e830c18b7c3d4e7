import { jest } from '@jest/globals';
import { answer, status, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter, heldAfter } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import {
  chat,
  eventually,
  framesOf,
  jsonOf,
  payloadsOf,
  post,
  streamedText,
  type ErrorJson,
} from '../support/router-calls.js';
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
      auth: {
        keys: [
          ...[keyFor('acme-key'), keyFor('colleague'), keyFor('other-key', { tenant: 'other' })],
          keyFor('admin-key', { scopes: ['admin'] }),
          keyFor('operator-key', { scopes: ['admin', 'operator'] }),
        ],
      },
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
    { safety_identifier: 'bob' },
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

  it('a hit has an age, and an id and a time of its own', async () => {
    const made = await jsonOf<Completion>(await say());
    const before = Date.now();
    const clock = jest.spyOn(Date, 'now').mockReturnValue(before + 90_500);
    try {
      const [one, two] = [await say(), await say()];
      expect([one.headers.get('age'), two.headers.get('x-router-cache')]).toEqual(['90', 'HIT']);
      const [first, second] = [await jsonOf<Completion>(one), await jsonOf<Completion>(two)];
      expect(first.created).toBe(Math.floor((before + 90_500) / 1000));
      expect(new Set([made.id, first.id, second.id]).size).toBe(3);
      expect({ ...first, id: made.id, created: made.created }).toEqual(made);
      const streamed = framesOf(await (await say({ stream: true })).text());
      expect(new Set(streamed.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
    } finally {
      clock.mockRestore();
    }
    expect((await say({}, { 'cache-control': 'no-cache' })).headers.get('age')).toBeNull();
  });

  it('tells what was saved in the log line and the metrics', async () => {
    const scraped = async (name: string) => {
      const text = await (await fetch(`${router.url}/metrics`)).text();
      return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
    };
    const names = ['router_cache_saved_usd_total', 'router_cache_saved_seconds_total', 'router_cache_entries'];
    const read = () => Promise.all(names.map(scraped));
    const before = await read();
    await verdict(say());
    await verdict(say({}, { 'cache-control': 'no-store' }));
    const kept = await read();
    await verdict(say());
    const after = await read();
    expect([kept[0], kept[1], kept[2]]).toEqual([before[0], before[1], before[2]! + 1]);
    expect(after[0]! - kept[0]!).toBeGreaterThan(0);
    expect(after[1]! - kept[1]!).toBeGreaterThan(0);
    const text = await (await fetch(`${router.url}/metrics`)).text();
    expect(text).toMatch(/^router_cache_bypasses_total\{cause="no_store"\} \d+$/m);
    expect(text).toMatch(/^router_cache_bytes \d{3,}$/m);
    expect(text).toMatch(/^router_cache_evictions_total 0$/m);
  });

  describe('past its life, with staleSeconds', () => {
    let stale: RouterApp;
    let now = 0;
    let clock: jest.SpiedFunction<typeof Date.now>;
    const ask = (body: object = {}) =>
      chat(stale, { messages: [{ role: 'user', content: `question ${questions}` }], ...body }, ACME);
    const got = async (response: Promise<Response>) => {
      const { headers } = await response;
      const { choices } = await jsonOf<Completion>(await response);
      return [headers.get('x-router-cache'), choices?.[0]?.message?.content];
    };
    beforeAll(async () => {
      stale = await startRouter(
        config({ cache: { ttlSeconds: 100, staleSeconds: 50 }, limits: { ...GENEROUS, usdPerMonth: 5 } }),
      );
    });
    beforeEach(() => {
      now = Date.now();
      clock = jest.spyOn(Date, 'now').mockImplementation(() => now);
    });
    afterEach(() => clock.mockRestore());
    afterAll(() => stale.close());

    it('is given once more while one request renews it', async () => {
      upstream.script(answer('old'));
      upstream.always(answer('new'));
      expect(await got(ask())).toEqual(['MISS', 'old']);
      now += 120_000;
      expect(await got(ask())).toEqual(['STALE', 'old']);
      await upstream.received(1);
      await eventually('it is renewed', 2_000, async () => (await got(ask()))[1] === 'new');
      expect(await got(ask())).toEqual(['HIT', 'new']);
      expect(upstream.requests).toHaveLength(2);
    });

    it('many at once get it, plain and streamed, and one call renews it', async () => {
      const gate = Promise.withResolvers<void>();
      upstream.script(answer('old'));
      upstream.always(answer('new', {}, heldAfter(0, gate.promise)));
      await got(ask());
      now += 120_000;
      const all = await Promise.all(Array.from({ length: 50 }, () => got(ask())));
      expect(all.filter(([cache, text]) => cache !== 'STALE' || text !== 'old')).toEqual([]);
      expect(streamedText(await (await ask({ stream: true })).text())).toBe('old');
      gate.resolve();
      await eventually('it is renewed', 2_000, async () => (await got(ask()))[1] === 'new');
      expect(upstream.requests).toHaveLength(2);
    });

    it('stays what it is while the renewal fails, and is gone after that time', async () => {
      upstream.script(answer('old'), status(500));
      upstream.always(answer('new'));
      await got(ask());
      now += 120_000;
      expect(await got(ask())).toEqual(['STALE', 'old']);
      await upstream.ended(1);
      // each try is a request of somebody's: after one that failed there is a pause
      for (let n = 0; n < 5; n += 1) expect(await got(ask())).toEqual(['STALE', 'old']);
      expect(upstream.requests).toHaveLength(2);
      now += 40_000;
      expect(await got(ask())).toEqual(['MISS', 'new']);
    });

    it('is forgotten with the session in whose name it was renewed', async () => {
      const inSession = (session: string) => got(chat(stale, {}, { ...ACME, 'x-session-id': session }));
      upstream.always(answer('text'));
      expect((await inSession('one'))[0]).toBe('MISS');
      now += 120_000;
      expect((await inSession('two'))[0]).toBe('STALE');
      await eventually('it is renewed', 2_000, async () => (await got(chat(stale, {}, ACME)))[0] === 'HIT');
      const turns = await jsonOf<{ turns: unknown[] }>(await fetch(`${stale.url}/v1/sessions/two`, { headers: ACME }));
      expect(turns.turns).toHaveLength(1); // the renewal is none
      for (const session of ['one', 'two'])
        await fetch(`${stale.url}/v1/sessions/${session}`, { method: 'DELETE', headers: ACME });
      expect((await got(chat(stale, {}, ACME)))[0]).toBe('MISS');
    });

    it('is renewed for a caller who may make one request at a time', async () => {
      const single = keyFor('single', { limits: { concurrent: 1 } });
      const limited = await startRouter(
        config({ cache: { ttlSeconds: 100, staleSeconds: 50 }, auth: { keys: [single] } }),
      );
      const askSingle = () => got(chat(limited, {}, { authorization: 'Bearer single' }));
      try {
        await askSingle();
        now += 120_000;
        expect((await askSingle())[0]).toBe('STALE');
        await upstream.received(1);
      } finally {
        await limited.close();
      }
    });

    it('is not renewed for a caller who has no more requests', async () => {
      const few = keyFor('few', { limits: { requestsPerMinute: 2 } });
      const limited = await startRouter(
        config({ cache: { ttlSeconds: 100, staleSeconds: 50 }, auth: { keys: [few] } }),
      );
      const askFew = () => got(chat(limited, {}, { authorization: 'Bearer few' }));
      try {
        expect((await askFew())[0]).toBe('MISS');
        now += 120_000;
        expect((await askFew())[0]).toBe('STALE');
        expect((await chat(limited, {}, { authorization: 'Bearer few' })).status).toBe(429); // by then it has been tried
        expect(upstream.requests).toHaveLength(1);
      } finally {
        await limited.close();
      }
    });

    it("a renewal is nobody's request, and paid for", async () => {
      const usage = async () => {
        const { data } = await jsonOf<{ data: { requests: number; cost_usd: number }[] }>(
          await fetch(`${stale.url}/admin/usage`, { headers: { authorization: 'Bearer admin-key' } }),
        );
        return data[0] ?? { requests: 0, cost_usd: 0 };
      };
      upstream.always(answer('text'));
      const start = await usage();
      await got(ask());
      const made = await usage();
      now += 120_000;
      await got(ask());
      await eventually('paid for', 2_000, async () => (await usage()).cost_usd > made.cost_usd);
      const after = await usage();
      expect(after.requests).toBe(made.requests + 1);
      expect(after.cost_usd - made.cost_usd).toBeCloseTo(made.cost_usd - start.cost_usd, 9);
    });
  });

  it.each([
    ['a model', [{ name: 'auto', strategy: 'priority', cache: false }]],
    ['everything', []],
  ] as const)('can be switched off for %s', async (what, models) => {
    const off = await startRouter(
      config({
        cache: { enabled: what === 'a model' },
        ...(what === 'a model' ? { models: models.map((model) => ({ ...model, targets: [upstream.model] })) } : {}),
      }),
    );
    try {
      const ask = (model: string) => verdict(chat(off, { model }, ACME));
      expect([await ask('auto'), await ask('auto')]).toEqual(['DISABLED', 'DISABLED']);
      const byName = [await ask(upstream.model), await ask(upstream.model)];
      expect(byName).toEqual(what === 'a model' ? ['MISS', 'HIT'] : ['DISABLED', 'DISABLED']);
      expect(upstream.requests).toHaveLength(what === 'a model' ? 3 : 4);
    } finally {
      await off.close();
    }
  });

  it('a reload that changes what a name means begins anew, one that does not goes on', async () => {
    const reloaded = await startRouter(config({}));
    const ask = () => verdict(chat(reloaded, {}, ACME));
    try {
      expect([await ask(), await ask()]).toEqual(['MISS', 'HIT']);
      await reloaded.reload(config({ limits: { ...GENEROUS, concurrent: 7 } }));
      expect(await ask()).toBe('HIT');
      const target = targetOn(upstream, { price: { input: 1, output: 1 }, model: 'another-release' });
      await reloaded.reload({ ...config({}), targets: [target] });
      expect([await ask(), await ask()]).toEqual(['MISS', 'HIT']);
      await reloaded.reload(config({ tenants: { acme: { targets: [upstream.model] } } }));
      expect([await ask(), await ask()]).toEqual(['MISS', 'HIT']);
      await reloaded.reload(config({ cache: { enabled: true, secret: 'another secret of ours' } }));
      expect(await ask()).toBe('MISS');
    } finally {
      await reloaded.close();
    }
  });

  it('keeps nothing that was being made when the model was switched off', async () => {
    const models = (cache: boolean) => [
      { name: 'auto', strategy: 'priority' as const, targets: [upstream.model], cache },
    ];
    const reloaded = await startRouter(config({ models: models(true) }));
    const gate = Promise.withResolvers<void>();
    upstream.script(answer('text', {}, heldAfter(0, gate.promise)));
    try {
      const running = verdict(chat(reloaded, {}, ACME));
      await upstream.received();
      await reloaded.reload(config({ models: models(false) }));
      gate.resolve();
      await running;
      await reloaded.reload(config({ models: models(true) }));
      expect(await verdict(chat(reloaded, {}, ACME))).toBe('MISS');
    } finally {
      await reloaded.close();
    }
  });

  it('keeps no simulated answer', async () => {
    const simulated = await startRouter({ targets: [{ id: 'sim', tier: 'local', provider: 'simulated' }] });
    try {
      expect([await verdict(chat(simulated)), await verdict(chat(simulated))]).toEqual(['MISS', 'MISS']);
    } finally {
      await simulated.close();
    }
  });

  it('keeps no answer over maxEntryBytes', async () => {
    const small = await startRouter(config({ cache: { maxEntryBytes: 500 } }));
    try {
      upstream.script(answer('short'), answer('long '.repeat(200)));
      const ask = (n: number, stream: boolean) =>
        verdict(chat(small, { stream, messages: [{ role: 'user', content: `${n}` }] }, ACME));
      expect([await ask(1, false), await ask(1, false)]).toEqual(['MISS', 'HIT']);
      expect([await ask(2, false), await ask(2, false)]).toEqual(['MISS', 'MISS']);
      upstream.script(answer('long '.repeat(200)));
      expect([await ask(3, true), await ask(3, true)]).toEqual(['MISS', 'MISS']);
    } finally {
      await small.close();
    }
  });

  describe('DELETE /admin/cache', () => {
    const forget = (query: string, key: string) =>
      fetch(`${router.url}/admin/cache${query}`, { method: 'DELETE', headers: { authorization: `Bearer ${key}` } });
    const ofOther = () => verdict(say({}, { authorization: 'Bearer other-key' }));

    it.each([
      ['', 'admin-key', { tenant: 'acme', model: null }, ['MISS', 'HIT']],
      ['?tenant=acme&model=auto', 'admin-key', { tenant: 'acme', model: 'auto' }, ['MISS', 'HIT']],
      ['?model=other', 'admin-key', { tenant: 'acme', model: 'other' }, ['HIT', 'HIT']],
      ['', 'operator-key', { tenant: null, model: null }, ['MISS', 'MISS']],
      ['?tenant=other', 'operator-key', { tenant: 'other', model: null }, ['HIT', 'MISS']],
    ])('%s by %s', async (query, key, told, left) => {
      expect([await verdict(say()), await ofOther()]).toEqual(['MISS', 'MISS']);
      const response = await forget(query, key);
      expect(response.status).toBe(200);
      expect(await jsonOf(response)).toEqual({
        ...{ object: 'cache.deleted', deleted: true },
        ...told,
        entries: expect.any(Number),
      });
      expect([await verdict(say()), await ofOther()]).toEqual(left);
    });

    it.each([
      ['', 'acme-key', 403, null],
      ['?tenant=other', 'admin-key', 403, 'tenant'],
      ['?tenant=', 'admin-key', 400, 'tenant'],
      ['?modell=auto', 'admin-key', 400, 'modell'],
      ['?model=a&model=b', 'admin-key', 400, 'model'],
      ['', 'nobody', 401, null],
    ])('%s by %s is %i', async (query, key, code, param) => {
      const response = await forget(query, key);
      expect(response.status).toBe(code);
      expect((await jsonOf<ErrorJson>(response)).error.param).toBe(param);
    });

    it('refuses a body: what stands in it would be overlooked', async () => {
      const response = await fetch(`${router.url}/admin/cache`, {
        method: 'DELETE',
        headers: { authorization: 'Bearer admin-key', 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'other' }),
      });
      expect(response.status).toBe(400);
      expect((await jsonOf<ErrorJson>(response)).error.message).toContain('/admin/cache?model=');
    });

    it('who asks afterwards gets nothing that was begun before', async () => {
      const gate = Promise.withResolvers<void>();
      upstream.script(answer('begun before', {}, heldAfter(0, gate.promise)));
      upstream.always(answer('new'));
      const before = say();
      await upstream.received();
      await forget('', 'admin-key');
      const after = say();
      await upstream.received(1);
      gate.resolve();
      const texts = await Promise.all(
        [before, after].map(async (one) => (await jsonOf<Completion>(await one)).choices?.[0]?.message?.content),
      );
      expect(texts).toEqual(['begun before', 'new']);
      expect(await verdict(say())).toBe('HIT');
    });

    it('keeps nothing that was being made at that time', async () => {
      const gate = Promise.withResolvers<void>();
      upstream.always(answer('being made', {}, heldAfter(0, gate.promise)));
      const running = verdict(say());
      await upstream.received();
      await forget('', 'admin-key');
      gate.resolve();
      expect(await running).toBe('MISS');
      expect(await verdict(say())).toBe('MISS');
    });
  });
});
