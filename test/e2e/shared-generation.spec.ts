import { setImmediate } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { EventBus } from '@nestjs/cqrs';
import { LeavingCaller } from '../support/leaving-caller.js';
import { answer, status, toolCall } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter, heldAfter, pauseAfter, slowFirstToken } from '../support/upstream-twists.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually, jsonOf, streamedText } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { words } from '../support/openai-answer.js';
import type { Completion } from '../../src/common/chat.js';
import { ChatCompletedEvent, type CompletedChat } from '../../src/modules/chat/chat.messages.js';

const CROWD = 500;
const TEXT = words(40);
const OTHER = { authorization: 'Bearer other-key' };

interface Got {
  readonly status: number;
  readonly cache: string | null;
  readonly cost: string | null;
  readonly text: string;
}

describe('one generation for all who ask the same', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let question = 0;
  const config = (rest: object = {}) =>
    inOrder([targetOn(upstream, { price: { input: 1, output: 1 }, concurrency: CROWD })], {
      cache: { enabled: true },
      limits: GENEROUS,
      resilience: { retries: 0 },
      auth: {
        keys: [keyFor('acme-key', { scopes: ['chat', 'operator', 'admin'] }), keyFor('other-key', { tenant: 'other' })],
      },
      ...rest,
    });
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(config());
  });
  beforeEach(() => {
    upstream.reset();
    question += 1;
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const KEY = { authorization: 'Bearer acme-key' };
  const bodyOf = (body: object = {}) => ({
    model: 'auto',
    messages: [{ role: 'user', content: `question ${question}` }],
    ...body,
  });
  async function say(body: object = {}, headers: Record<string, string> = {}): Promise<Got> {
    const response = await chat(router, bodyOf(body), { ...KEY, ...headers });
    const raw = await response.text();
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    const plain = () => (JSON.parse(raw) as Completion).choices?.[0]?.message?.content ?? raw;
    return {
      status: response.status,
      cache: response.headers.get('x-router-cache'),
      cost: response.headers.get('x-router-cost-usd'),
      text: isStream ? streamedText(raw) : plain(),
    };
  }
  const countOf = (got: readonly Got[], cache: string) => got.filter((one) => one.cache === cache).length;
  /** Resolves when so many requests are under way, and have done what they can do without waiting. */
  const underWay = async (count: number): Promise<void> => {
    const { callerSignals } = router.app.getHttpAdapter().getInstance();
    await eventually(`${count} requests are under way`, 10_000, () => callerSignals.size === count);
    await setImmediate();
  };
  /** Asks once, and for the same in the name of as many others while the first answer is held. */
  async function crowdOf(first: object, others: object, count: number, go: () => void): Promise<[Got, ...Got[]]> {
    const leader = say(first);
    await upstream.received();
    await underWay(1);
    const crowd = Array.from({ length: count - 1 }, () => say(others));
    await underWay(count);
    go();
    return Promise.all([leader, ...crowd]);
  }

  it.each([
    ['plain', {}, {}],
    ['streamed', { stream: true }, { stream: true }],
    ['streams of a plain one', {}, { stream: true }],
    ['plain ones of a stream', { stream: true }, {}],
  ])('R11 %s: 500 at once are one call', async (_, first, others) => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(3, gate.promise)));
    const [led, ...shared] = await crowdOf(first, others, CROWD, gate.resolve);
    expect(upstream.requests).toHaveLength(1);
    expect(led).toMatchObject({ status: 200, cache: 'MISS', text: TEXT });
    expect(countOf(shared, 'SHARED')).toBe(CROWD - 1);
    expect(shared.filter(({ text }) => text !== TEXT)).toEqual([]);
    expect(shared.filter(({ cost }) => cost !== null && cost !== '0')).toEqual([]);
    expect((await say()).cache).toBe('HIT');
  });

  it('R11 at the moment of expiry: 500 are one call, too', async () => {
    expect([(await say()).cache, (await say()).cache]).toEqual(['MISS', 'HIT']);
    const later = Date.now() + 7_200_000;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => later);
    try {
      upstream.reset();
      const got = await Promise.all(Array.from({ length: CROWD }, () => say()));
      expect(upstream.requests).toHaveLength(1);
      expect([countOf(got, 'MISS'), countOf(got, 'SHARED') + countOf(got, 'HIT')]).toEqual([1, CROWD - 1]);
    } finally {
      clock.mockRestore();
    }
  });

  it('who joins late gets all that was said before', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(20, gate.promise)));
    const first = await LeavingCaller.send(router, '/v1/chat/completions', bodyOf({ stream: true }), KEY);
    await eventually('20 tokens are there', 2_000, () => first.received.includes('w20"'));
    const second = await LeavingCaller.send(router, '/v1/chat/completions', bodyOf({ stream: true }), KEY);
    await eventually('the other has them, too', 2_000, () => second.received.includes('w20"'));
    expect(second.received).toContain('x-router-cache: SHARED');
    expect(second.received).not.toContain('w21');
    gate.resolve();
    await eventually('both have all of it', 2_000, () =>
      [first, second].every(({ received }) => received.includes('[DONE]')),
    );
    await Promise.all([first.leave(), second.leave()]);
  });

  it('everybody reads at his own pace: one who does not read holds nobody up', async () => {
    const gate = Promise.withResolvers<void>();
    const long = Array.from({ length: 400 }, (_, n) => `${n}${'x'.repeat(2_000)}`).join(' ');
    upstream.always(answer(long, {}, heldAfter(1, gate.promise)));
    const send = () => LeavingCaller.send(router, '/v1/chat/completions', bodyOf({ stream: true }), KEY);
    const [slow, quick] = [await send(), await send()];
    await eventually('both have begun', 2_000, () => [slow, quick].every(({ received }) => received.includes('0xx')));
    slow.pause();
    gate.resolve();
    await eventually('one has all of it', 5_000, () => quick.received.includes('[DONE]'));
    expect(slow.received).not.toContain('[DONE]');
    slow.resume();
    await eventually('the other has, too', 5_000, () => slow.received.includes('[DONE]'));
    const said = ({ received }: LeavingCaller) =>
      streamedText(received.slice(received.indexOf('data: ')).replace(/\r\n[0-9a-f]+\r\n/g, ''));
    expect([said(slow) === long, said(quick) === long]).toEqual([true, true]);
    expect(upstream.requests).toHaveLength(1);
    await Promise.all([slow.leave(), quick.leave()]);
  });

  it('who comes when more has been said than may be kept asks for himself', async () => {
    const small = await startRouter(config({ cache: { enabled: true, maxEntryBytes: 100 } }));
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(20, gate.promise)));
    const send = () => LeavingCaller.send(small, '/v1/chat/completions', bodyOf({ stream: true }), KEY);
    try {
      const first = await send();
      await eventually('20 tokens are there', 2_000, () => first.received.includes('w20"'));
      const second = await send();
      await upstream.received(1);
      gate.resolve();
      await eventually('both have all of it', 2_000, () =>
        [first, second].every(({ received }) => received.includes('[DONE]')),
      );
      expect(second.received).toContain('x-router-cache: MISS');
      await Promise.all([first.leave(), second.leave()]);
    } finally {
      await small.close();
    }
  });

  it.each([
    ['a plain one', false],
    ['a stream', true],
  ])('goes on when the first one leaves, and ends when the last one does, which is %s', async (_, last) => {
    upstream.always(answer(TEXT, {}, heldAfter(5, new Promise<void>(() => undefined))));
    const send = (stream: boolean) => LeavingCaller.send(router, '/v1/chat/completions', bodyOf({ stream }), KEY);
    const [first, second, third] = [await send(true), await send(!last), await send(last)];
    await eventually('it has begun', 2_000, () => first.received.includes('data:'));
    await underWay(3);
    await first.leave();
    await second.leave();
    expect(upstream.requests).toMatchObject([{ ending: null }]);
    await third.leave();
    expect((await upstream.ended(0, 1_000)).ending).toBe('aborted');
    await underWay(0);
    const targets = await jsonOf<{ in_flight: number }[]>(await fetch(`${router.url}/admin/targets`, { headers: KEY }));
    expect(targets).toMatchObject([{ in_flight: 0, queued: 0 }]);
  });

  it('goes on for the others when the first one leaves before there is an answer', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(0, gate.promise)));
    const first = await LeavingCaller.send(router, '/v1/chat/completions', bodyOf(), KEY);
    await upstream.received();
    const others = [say(), say({ stream: true })];
    await underWay(3);
    await first.leave();
    await underWay(2);
    gate.resolve();
    expect(await Promise.all(others)).toMatchObject([
      { status: 200, cache: 'SHARED', text: TEXT },
      { status: 200, cache: 'SHARED', text: TEXT },
    ]);
    expect(upstream.requests).toHaveLength(1);
  });

  it.each([
    ['plain', {}, status(500)],
    ['streamed, before the first token', { stream: true }, status(500)],
  ])('a failed leader fails nobody: %s', async (_, body, failure) => {
    const gate = Promise.withResolvers<void>();
    upstream.script((request, model) => [{ do: 'hold', until: gate.promise }, ...failure(request, model)]);
    upstream.always(answer(TEXT));
    const [led, ...others] = await crowdOf(body, body, 20, gate.resolve);
    expect(led.status).toBeGreaterThanOrEqual(500);
    expect(others.filter(({ status: code, text }) => code !== 200 || text !== TEXT)).toEqual([]);
    expect(upstream.requests).toHaveLength(2);
    expect([countOf(others, 'MISS'), countOf(others, 'SHARED')]).toEqual([1, 18]);
  });

  it('waits for two leaders, and then everybody asks for himself', async () => {
    const gate = Promise.withResolvers<void>();
    const failing = status(400, { error: { message: 'no', type: 'x', code: 'x' } });
    const all = Promise.withResolvers<void>();
    const held =
      (until: Promise<void>): Behaviour =>
      (request, model) => [{ do: 'hold', until }, ...failing(request, model)];
    upstream.script(held(gate.promise), failing);
    upstream.always(held(all.promise));
    const crowd = crowdOf({}, {}, 10, gate.resolve);
    await upstream.received(9); // the other eight at the same time
    all.resolve();
    const got = await crowd;
    expect(got.map(({ status: code }) => code)).toEqual(Array.from({ length: 10 }, () => 400));
    expect(upstream.requests).toHaveLength(10);
  });

  it('a stream that breaks off ends for those who have some of it, and is asked again for those who have not', async () => {
    const gate = Promise.withResolvers<void>();
    const broken = await startRouter(config({ resilience: { retries: 0, streamRecovery: 'error' } }));
    const before = router;
    router = broken;
    try {
      upstream.script(answer(TEXT, {}, heldAfter(5, gate.promise), cutAfter(6)));
      upstream.always(answer(TEXT));
      const leader = say({ stream: true });
      await upstream.received();
      await underWay(1);
      const others = [say({ stream: true }), say()];
      await underWay(3);
      gate.resolve();
      const [led, streamed, plain] = await Promise.all([leader, ...others]);
      expect(led.text).toBe('w1 w2 w3 w4 w5 w6');
      expect(streamed).toMatchObject({ cache: 'SHARED', text: led.text });
      expect(plain).toMatchObject({ status: 200, cache: 'MISS', text: TEXT });
      expect(upstream.requests).toHaveLength(2);
    } finally {
      router = before;
      await broken.close();
    }
  });

  it('tool calls are shared whole', async () => {
    const gate = Promise.withResolvers<void>();
    const tools = [{ type: 'function', function: { name: 'f' } }];
    upstream.always(toolCall('f', { city: 'Oslo' }, heldAfter(0, gate.promise)));
    const ask = async (stream: boolean) => (await chat(router, bodyOf({ tools, stream }), KEY)).text();
    const asked = [ask(true), ask(true), ask(false)];
    await underWay(3);
    gate.resolve();
    const [first, second, third] = await Promise.all(asked);
    expect(upstream.requests).toHaveLength(1);
    expect(second).toBe(first);
    expect(JSON.parse(third!)).toMatchObject({ choices: [{ message: { tool_calls: [{ function: { name: 'f' } }] } }] });
  });

  it.each([
    ['several choices at a temperature', { n: 2, temperature: 0.7 }, {}],
    ['several choices at the usual temperature', { n: 2 }, {}],
    [
      'the result of a tool',
      {
        messages: [
          { role: 'user', content: 'w' },
          { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
          { role: 'tool', tool_call_id: 'c', content: `${Math.random()}` },
        ],
      },
      {},
    ],
    ['no-store', {}, { 'cache-control': 'no-store' }],
    ['no-cache', {}, { 'cache-control': 'no-cache' }],
  ])('is not shared: %s', async (_, body, headers) => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(0, gate.promise)));
    const asked = [say(body, headers), say(body, headers)];
    await underWay(2);
    await upstream.received(1);
    gate.resolve();
    const got = await Promise.all(asked);
    expect(countOf(got, 'SHARED')).toBe(0);
    expect(upstream.requests).toHaveLength(2);
  });

  it('is not shared with another tenant', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(0, gate.promise)));
    const asked = [say(), say({}, OTHER)];
    await underWay(2);
    await upstream.received(1);
    gate.resolve();
    expect(countOf(await Promise.all(asked), 'SHARED')).toBe(0);
  });

  it('several choices at temperature 0 are shared', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(0, gate.promise)));
    const got = await crowdOf({ n: 2, temperature: 0 }, { n: 2, temperature: 0 }, 3, gate.resolve);
    expect(countOf(got, 'SHARED')).toBe(2);
  });

  /** Every request that ends while `work` runs, as the service tells itself. */
  async function endsOf(app: RouterApp, work: () => Promise<unknown>): Promise<CompletedChat[]> {
    const bus = app.app.get(EventBus);
    const told: CompletedChat[] = [];
    const publish = bus.publish.bind(bus);
    const spy = jest.spyOn(bus, 'publish').mockImplementation((event) => {
      if (event instanceof ChatCompletedEvent) told.push(event.chat);
      publish(event);
    });
    await work();
    spy.mockRestore();
    return told;
  }

  it.each([false, true])('only who led pays and the others have saved it, stream %s', async (stream) => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(1, gate.promise)));
    const ends = await endsOf(router, () => crowdOf({ stream }, { stream }, 4, gate.resolve));
    const [led, ...others] = ends.sort((a, b) => Number(b.pays) - Number(a.pays));
    expect(led).toMatchObject({ pays: true, cache: { result: 'MISS', savedUsd: 0 } });
    expect(led!.costUsd).toBeGreaterThan(0);
    expect(led!.attempts).toHaveLength(1);
    for (const other of others) {
      expect(other).toMatchObject({ pays: false, costUsd: 0, attempts: [], billed: { tokens: 0, usd: 0 } });
      expect(other.cache).toMatchObject({ result: 'SHARED', savedUsd: led!.costUsd });
    }
  });

  it('a slow leader pays, though others have all of it before', async () => {
    const gate = Promise.withResolvers<void>();
    const long = Array.from({ length: 600 }, (_, n) => `${n}${'x'.repeat(10_000)}`).join(' ');
    upstream.always(answer(long, {}, heldAfter(1, gate.promise)));
    const ends = await endsOf(router, async () => {
      const slow = await LeavingCaller.send(router, '/v1/chat/completions', bodyOf({ stream: true }), KEY);
      await eventually('it has begun', 2_000, () => slow.received.includes('data:'));
      const plain = say();
      await underWay(2);
      slow.pause();
      gate.resolve();
      expect(await plain).toMatchObject({ cache: 'SHARED', cost: '0' });
      slow.resume();
      await eventually('it has all of it', 5_000, () => slow.received.includes('[DONE]'));
      await slow.leave();
    });
    expect(ends.map(({ cache, pays }) => [cache.result, pays])).toEqual([
      ['SHARED', false],
      ['MISS', true],
    ]);
  });

  it('who comes to lead pays for all of it, also for what brought him nothing', async () => {
    const broken = await startRouter(config({ resilience: { retries: 0, streamRecovery: 'error' } }));
    const gate = Promise.withResolvers<void>();
    upstream.script(answer(TEXT, {}, heldAfter(20, gate.promise), cutAfter(21)));
    upstream.always(answer('ok'));
    try {
      const ends = await endsOf(broken, async () => {
        const first = await LeavingCaller.send(broken, '/v1/chat/completions', bodyOf({ stream: true }), KEY);
        await eventually('20 tokens are there', 2_000, () => first.received.includes('w20"'));
        const second = chat(broken, bodyOf(), KEY);
        await eventually('it waits', 2_000, () => broken.app.getHttpAdapter().getInstance().callerSignals.size === 2);
        await setImmediate();
        await first.leave();
        gate.resolve();
        expect((await jsonOf<Completion>(await second)).choices?.[0]?.message?.content).toBe('ok');
      });
      expect(ends).toMatchObject([
        { outcome: 'aborted', pays: false, billed: { tokens: 0 }, attempts: [] },
        { outcome: 'answered', pays: true, attempts: [{ outcome: 'cut' }, { outcome: 'ok' }] },
      ]);
      expect(ends[1]!.billed.tokens).toBeGreaterThan(20);
    } finally {
      await broken.close();
    }
  });

  it.each([
    ['the one who leads', false],
    ['who has come to lead', true],
  ])('an answer that takes most of the deadline is waited for, and %s is not given up', async (_, leaves) => {
    const patient = await startRouter(config({ resilience: { retries: 0, deadlineMs: 1_000 } }));
    const { callerSignals } = patient.app.getHttpAdapter().getInstance();
    upstream.always(answer(TEXT, {}, slowFirstToken(700, 'headers')));
    try {
      const first = await LeavingCaller.send(patient, '/v1/chat/completions', bodyOf(), KEY);
      await upstream.received();
      const others = Array.from({ length: 5 }, () => chat(patient, bodyOf(), KEY));
      await eventually('they wait', 2_000, () => callerSignals.size === 6);
      if (leaves) await first.leave();
      const caches = (await Promise.all(others)).map(({ headers }) => headers.get('x-router-cache'));
      expect(caches).toEqual(Array.from({ length: 5 }, () => 'SHARED'));
      expect(upstream.requests).toHaveLength(1);
      await first.leave();
    } finally {
      await patient.close();
    }
  });

  it('a stream that has begun is waited for by who wants it whole, as long as an answer of his own may take', async () => {
    const tight = { timeouts: { plainMs: 1_500, firstTokenMs: 1_000 } };
    const patient = await startRouter({
      ...config({ resilience: { retries: 0, deadlineMs: 1_500 } }),
      targets: [targetOn(upstream, tight)],
    });
    upstream.always(answer(words(2), {}, pauseAfter(1, 1_300)));
    try {
      const stream = chat(patient, bodyOf({ stream: true }), KEY);
      await upstream.received();
      const whole = await chat(patient, bodyOf(), KEY);
      expect([whole.status, whole.headers.get('x-router-cache')]).toEqual([200, 'SHARED']);
      await (await stream).text();
      expect(upstream.requests).toHaveLength(1);
    } finally {
      await patient.close();
    }
  });

  it('costs nothing in the session of who joined', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(0, gate.promise)));
    const leader = say();
    await upstream.received();
    const session = `joined-${question}`;
    const joined = say({}, { 'x-session-id': session });
    await underWay(2);
    gate.resolve();
    await Promise.all([leader, joined]);
    const insights = await jsonOf(await fetch(`${router.url}/v1/sessions/${session}/insights`, { headers: KEY }));
    expect(insights).toMatchObject({ turns: 1, cost_usd: 0, cache_hits: 1 });
  });

  it('the usage of a tenant is that of one answer', async () => {
    const usage = async () => {
      const { data } = await jsonOf<{ data: { requests: number; prompt_tokens: number; cost_usd: number }[] }>(
        await fetch(`${router.url}/admin/usage`, { headers: KEY }),
      );
      return data[0] ?? { requests: 0, prompt_tokens: 0, cost_usd: 0 };
    };
    const before = await usage();
    await say({ messages: [{ role: 'user', content: 'one' }] });
    const alone = await usage();
    const gate = Promise.withResolvers<void>();
    upstream.reset();
    upstream.always(answer('Hello from upstream', {}, heldAfter(0, gate.promise)));
    const two = { messages: [{ role: 'user', content: 'two' }] };
    await crowdOf(two, two, 7, gate.resolve);
    const after = await usage();
    expect(after.requests - alone.requests).toBe(7);
    expect(after.cost_usd - alone.cost_usd).toBeCloseTo(alone.cost_usd - before.cost_usd, 9);
    expect(after.prompt_tokens - alone.prompt_tokens).toBe(alone.prompt_tokens - before.prompt_tokens);
  });
});
