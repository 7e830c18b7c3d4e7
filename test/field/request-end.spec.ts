import { once } from 'node:events';
import { connect } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { jest } from '@jest/globals';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { IdempotencyStore } from '../../src/modules/idempotency/idempotency-store.js';
import { ChatExchange } from '../../src/modules/chat/chat-exchange.js';
import { allRequestLines, logTo, requestLines, type Line } from '../support/captured-log.js';
import { holdNext, LeavingCaller, type Held } from '../support/leaving-caller.js';
import { figure } from '../support/figure.js';
import { words } from '../support/openai-answer.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { RouterProcess } from '../support/router-process.js';
import {
  ask,
  chat,
  eventually,
  jsonOf,
  payloadsOf,
  streamedText,
  targetsOf,
  type ErrorJson,
} from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { answer, headersThenSilence, neverAnswer } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter, paced, slowFirstToken, stallAfter } from '../support/upstream-twists.js';

const WITHIN_MS = 1_000;
const ALICE = { authorization: 'Bearer alice' };

type Form = 'plain' | 'stream' | '/query';

/** A moment at which a caller leaves. */
interface Stage {
  readonly name: string;
  /** Left out: all. */
  readonly forms?: readonly Form[];
  readonly upstream?: Behaviour;
  /** Puts an obstacle in the way; left out: the model server is one. */
  readonly hold?: (router: RouterApp) => Held;
  readonly session?: boolean;
  /** Asked once before, so that the answer is in the cache. */
  readonly cached?: boolean;
  /** What the caller has got by then. */
  readonly received?: string;
}

const message =
  (name: string, when: 'before' | 'after', bus: typeof CommandBus | typeof QueryBus) => (router: RouterApp) =>
    holdNext(router.app.get<CommandBus | QueryBus>(bus), name, when);

const STAGES: readonly Stage[] = [
  { name: 'before the reservation', hold: message('ReserveQuotaCommand', 'before', CommandBus) },
  { name: 'after the reservation', hold: message('ReserveQuotaCommand', 'after', CommandBus) },
  { name: 'while the session is read', hold: message('LoadConversationQuery', 'after', QueryBus), session: true },
  { name: 'while the cache is asked', hold: message('FindAnswerQuery', 'after', QueryBus) },
  { name: 'before a cached answer is replayed', hold: message('FindAnswerQuery', 'after', QueryBus), cached: true },
  { name: 'while it is decided', hold: message('DecideRouteCommand', 'after', CommandBus) },
  { name: 'before the call', hold: message('StreamModelCommand', 'before', CommandBus) },
  { name: 'after the call was made', hold: message('StreamModelCommand', 'after', CommandBus) },
  { name: 'before the headers', upstream: neverAnswer },
  { name: 'before the first token', upstream: headersThenSilence, forms: ['stream'] },
  { name: 'when the answer has begun', hold: message('CallModelsCommand', 'after', CommandBus) },
  { name: 'before the first read', hold: () => holdFirstRead(), forms: ['stream'] },
  {
    name: 'in the middle',
    upstream: answer(words(9), {}, stallAfter(5, 'never')),
    forms: ['stream'],
    received: 'w5',
  },
  { name: 'before the turn is stored', hold: message('AppendTurnCommand', 'before', CommandBus), session: true },
  { name: 'after the turn is stored', hold: message('AppendTurnCommand', 'after', CommandBus), session: true },
];
const FORMS: readonly Form[] = ['plain', 'stream', '/query'];
const ROWS = STAGES.flatMap(({ forms = FORMS, ...stage }) =>
  forms.flatMap((form) => [true, false].map((keyed) => ({ ...stage, form, keyed }))),
);

/** Nobody has the next stream relayed. */
function holdFirstRead(): Held {
  const reached = Promise.withResolvers<void>();
  const read = jest.spyOn(ChatExchange.prototype, 'relay').mockImplementationOnce(() => reached.resolve());
  return { reached: reached.promise, goOn: () => read.mockRestore() };
}

describe('F01 whatever a request took is given back, whenever its caller leaves', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let keys = 0;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter({
      targets: [targetOn(upstream, { concurrency: 1, price: { input: 1, output: 1 } })],
      models: [{ name: 'auto', strategy: 'priority', targets: [upstream.model] }],
      auth: {
        keys: [
          keyFor('alice', { scopes: ['chat', 'admin'], limits: { ...GENEROUS, concurrent: 1, usdPerMonth: 100 } }),
          keyFor('bob', { limits: GENEROUS }),
        ],
      },
    });
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const signals = () => router.app.getHttpAdapter().getInstance().callerSignals;
  const bodyOf = (form: Form, question: string) => {
    if (form === '/query') return { query: question };
    return { model: 'auto', messages: ask(question), stream: form === 'stream' };
  };
  const send = (form: Form, question: string, headers: Record<string, string>) => {
    const path = form === '/query' ? form : '/v1/chat/completions';
    return LeavingCaller.send(router, path, bodyOf(form, question), { ...ALICE, ...headers });
  };

  const allIsGivenBack = async (form: Form, question: string, headers: Record<string, string>) => {
    await eventually('slots, queue, calls and signals are 0', WITHIN_MS, async () => {
      const free = (await targetsOf(router, ALICE)).every(({ in_flight: calls, queued }) => calls + queued === 0);
      return free && upstream.inFlight === 0 && signals().size === 0;
    });
    // the only slot and the only lease are free again, and the key can be used
    upstream.always(answer('next'));
    const next = await send(form, question, { ...headers, connection: 'close' });
    await eventually('the next one is answered', WITHIN_MS, () => next.received.includes('\r\n\r\n'));
    await next.closed();
    expect(next.received).toMatch(/^HTTP\/1\.1 200 /);
  };

  it.each(ROWS)(
    '$name ($form, key $keyed)',
    async ({ form, keyed, session, cached, hold, upstream: behaviour, received }) => {
      const question = `question ${(keys += 1)}`;
      const headers = {
        ...(keyed ? { 'idempotency-key': `key-${keys}` } : {}),
        ...(session ? { 'x-session-id': `session-${keys}` } : {}),
      };
      if (cached) await (await chat(router, { messages: ask(question) }, ALICE)).text();
      if (behaviour) upstream.always(behaviour);
      const calls = upstream.requests.length;
      const held = hold?.(router);
      const caller = await send(form, question, headers);
      await (held ? held.reached : upstream.received(calls));
      if (received) await eventually('it got so far', WITHIN_MS, () => caller.received.includes(received));
      await caller.leave();
      held?.goOn();
      await allIsGivenBack(form, question, headers);
    },
  );

  it.each(FORMS)('while it waits for a slot (%s)', async (form) => {
    const headers = { 'idempotency-key': `key-${(keys += 1)}` };
    upstream.always(neverAnswer);
    const first = await send('plain', 'first', { authorization: 'Bearer bob' });
    await upstream.received();
    const caller = await send(form, `second ${keys}`, headers);
    await eventually('one waits', WITHIN_MS, async () => (await targetsOf(router, ALICE))[0]?.queued === 1);
    await caller.leave();
    await eventually('it has left', WITHIN_MS, async () => (await targetsOf(router, ALICE))[0]?.queued === 0);
    expect(upstream.inFlight).toBe(1);
    await first.leave();
    await allIsGivenBack(form, `second ${keys}`, headers);
  });

  it.each(FORMS)('while the key is claimed (%s)', async (form) => {
    const store = router.app.get(IdempotencyStore);
    const reached = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const claim = store.claim.bind(store);
    jest.spyOn(store, 'claim').mockImplementationOnce(async (...args) => {
      const claimed = await claim(...args);
      reached.resolve();
      await go.promise;
      return claimed;
    });
    const headers = { 'idempotency-key': `key-${(keys += 1)}` };
    const caller = await send(form, `claimed ${keys}`, headers);
    await reached.promise;
    await caller.leave();
    go.resolve();
    await allIsGivenBack(form, `claimed ${keys}`, headers);
  });

  it.each(FORMS)('while it waits for the first one with its key (%s)', async (form) => {
    upstream.always(neverAnswer);
    const headers = { 'idempotency-key': `key-${(keys += 1)}` };
    const first = await send(form, `same ${keys}`, headers);
    await upstream.received();
    const duplicate = await send(form, `same ${keys}`, headers);
    await eventually('both are there', WITHIN_MS, () => signals().size === 2);
    await duplicate.leave();
    await eventually('one has left', WITHIN_MS, () => signals().size === 1);
    expect(upstream.inFlight).toBe(1);
    await first.leave();
    await allIsGivenBack(form, `same ${keys}`, headers);
  });
});

describe('a request and its end', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  const lines: Line[] = [];
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    const config = inOrder([targetOn(upstream, { concurrency: 400 })], {
      resilience: { retries: 0, deadlineMs: 1_500 },
    });
    router = await startRouter(config, { logger: logTo(lines) });
  });
  beforeEach(() => {
    upstream.reset();
    lines.length = 0;
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const send = (body: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
    LeavingCaller.send(router, '/v1/chat/completions', { model: 'auto', messages: ask('hi'), ...body }, headers);
  const countOf = async (status: string): Promise<number> => {
    const text = await (await fetch(`${router.url}/metrics`)).text();
    return Number(new RegExp(`router_requests_total{[^}]*status="${status}"[^}]*} (\\d+)`).exec(text)?.[1] ?? 0);
  };

  it('F04 requests that were aborted are not under way any more: a stall sheds nobody', async () => {
    upstream.always(neverAnswer);
    const callers: LeavingCaller[] = [];
    while (callers.length < 220) callers.push(await send());
    await upstream.received(219);
    await Promise.all(callers.map((caller) => caller.leave()));
    await upstream.idle();
    upstream.reset();
    // the event loop stands still, again and again, over a whole sample of the guard
    const end = performance.now() + 2_500;
    const seen: number[] = [];
    while (performance.now() < end) {
      const until = performance.now() + 700;
      while (performance.now() < until);
      seen.push((await chat(router)).status);
    }
    expect(new Set(seen)).toEqual(new Set([200]));
    figure('F04', `220 aborted, then ${seen.length} requests in a stalled process: shed 0`);
  });

  it.each([
    { when: 'before the first token, plain', stream: false, behaviour: neverAnswer },
    { when: 'before the first token', stream: true, behaviour: neverAnswer },
    { when: 'in the middle', stream: true, behaviour: answer(words(9), {}, stallAfter(5, 'never')) },
  ])('F55 a caller who leaves is one line at its usual level ($when)', async ({ stream, behaviour }) => {
    for (const headers of [{}, { 'idempotency-key': 'once' }] as Record<string, string>[]) {
      await allRequestLines(router, lines);
      lines.length = 0;
      upstream.reset();
      upstream.always(behaviour);
      const caller = await send({ stream }, headers);
      await upstream.received();
      if (behaviour !== neverAnswer) await eventually('it began', WITHIN_MS, () => caller.received.includes('w5'));
      await caller.leave();
      await eventually('the line is there', WITHIN_MS, () => requestLines(lines).length > 0);
      await upstream.idle();
      expect(requestLines(lines)).toMatchObject([{ level: 'info', status: 499, outcome: 'aborted', error_code: null }]);
      expect(lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    }
  });

  it('F55 a caller who leaves while it sends its body is no error', async () => {
    const { hostname, port } = new URL(router.url);
    const socket = connect(Number(port), hostname);
    const before = lines.length;
    socket.write(
      'POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"mod',
    );
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    await (await chat(router)).text(); // the service has seen it by then
    expect(lines.slice(before).filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  it('F61 the label status says cut or aborted for a stream that ended so', async () => {
    const before = [await countOf('cut'), await countOf('aborted'), await countOf('200')];
    upstream.script(answer(words(9), {}, cutAfter(3)));
    await router.reload(inOrder([targetOn(upstream)], { resilience: { retries: 0, streamRecovery: 'error' } }));
    expect(await (await chat(router, { stream: true })).text()).toContain('upstream_error');
    upstream.script(answer(words(9), {}, stallAfter(5, 'never')));
    const caller = await send({ stream: true });
    await eventually('it began', WITHIN_MS, () => caller.received.includes('w5'));
    await caller.leave();
    const counts = async () => [await countOf('cut'), await countOf('aborted'), await countOf('200')];
    await eventually('one each', WITHIN_MS, async () =>
      isDeepStrictEqual(await counts(), [before[0]! + 1, before[1]! + 1, before[2]!]),
    );
    await router.reload(
      inOrder([targetOn(upstream, { concurrency: 400 })], { resilience: { retries: 0, deadlineMs: 1_500 } }),
    );
  });

  it('F31 duplicates of a key wait for word and look at the store once or twice', async () => {
    const store = router.app.get(IdempotencyStore);
    const claims = jest.spyOn(store, 'claim');
    upstream.always(answer(words(5), {}, slowFirstToken(600, 'headers')));
    const key = { 'idempotency-key': 'fifty' };
    const responses = await Promise.all(Array.from({ length: 50 }, () => chat(router, {}, key)));
    const texts = await Promise.all(responses.map((response) => response.text()));
    expect(new Set(texts).size).toBe(1);
    expect(upstream.requests).toHaveLength(1);
    // 50 come, 49 look again when they begin to wait, and when it has ended
    expect(claims.mock.calls.length).toBeLessThanOrEqual(50 + 2 * 49);
    figure(
      'F31',
      `50 requests with one key, 0.6 s: ${upstream.requests.length} upstream call, ${claims.mock.calls.length} looks at the store`,
    );
    claims.mockRestore();
  });

  it('F31 a duplicate waits no longer than a request may take', async () => {
    upstream.always(answer(words(9), {}, stallAfter(5, 'never')));
    const key = { 'idempotency-key': 'endless' };
    const first = await send({ stream: true }, key);
    await upstream.received();
    const from = performance.now();
    const response = await chat(router, { stream: true }, key);
    expect([response.status, (await jsonOf<ErrorJson>(response)).error.code]).toEqual([504, 'deadline_exceeded']);
    expect(performance.now() - from).toBeGreaterThanOrEqual(1_400);
    await first.leave();
  });
});

describe('F56 requests that are still in flight at the end of drainSeconds', () => {
  it('a connection on which nothing was ever sent is no request, and is not waited for', async () => {
    const router = await RouterProcess.start({ config: { server: { drainSeconds: 15 } } });
    const silent = connect(Number(new URL(router.url).port), '127.0.0.1');
    await once(silent, 'connect');
    const startedAt = performance.now();
    router.signal('SIGINT');
    expect(await router.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(router.log.filter(({ msg }) => /in flight are ended/.test(String(msg)))).toEqual([]);
  });

  it('streams end with draining in-band, plain requests get 503', async () => {
    const upstream = await UpstreamServer.start();
    const router = await RouterProcess.start({
      config: inOrder([targetOn(upstream)], { server: { drainSeconds: 1 }, auth: { keys: [keyFor('alice')] } }),
    });
    upstream.script(answer(words(900), {}, paced(50)), neverAnswer, neverAnswer);
    const stream = await chat(router, { stream: true }, ALICE);
    const plain = chat(router, {}, ALICE);
    await upstream.received(1);
    const keyed = { ...ALICE, 'idempotency-key': 'one' };
    const waiting = [chat(router, { stream: true }, keyed), chat(router, { stream: true }, keyed)];
    await upstream.received(2);
    router.signal('SIGTERM');
    const text = await stream.text();
    expect(payloadsOf(text).at(-1)).toMatch(/^{"error":{.*"code":"draining"}}$/);
    expect(text).not.toContain('[DONE]');
    expect(streamedText(text.slice(0, text.lastIndexOf('data: ')))).toMatch(/^w1 w2 /);
    for (const response of await Promise.all([plain, ...waiting])) {
      expect([response.status, (await jsonOf<ErrorJson>(response)).error.code]).toEqual([503, 'draining']);
      expect(response.headers.has('retry-after')).toBe(true);
    }
    await upstream.idle();
    expect(upstream.requests.map(({ ending }) => ending)).toEqual(['aborted', 'aborted', 'aborted']);
    expect(await router.exited).toEqual({ code: 0, signal: null });
    const cut = router.log
      .filter(({ context }) => context === 'requests')
      .map(({ outcome, error_code: code }) => [outcome, code]);
    expect(cut).toEqual(
      expect.arrayContaining([
        ['cut', 'draining'],
        ['failed', 'draining'],
      ]),
    );
    await upstream.close();
  }, 30_000);
});
