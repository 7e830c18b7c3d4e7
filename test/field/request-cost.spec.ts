import { allRequestLines, logTo, requestLines, type Line } from '../support/captured-log.js';
import { figure } from '../support/figure.js';
import { LeavingCaller } from '../support/leaving-caller.js';
import { words, type AnswerOptions } from '../support/openai-answer.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, chat, eventually, framesOf, jsonOf, post, targetsOf, type ErrorJson } from '../support/router-calls.js';
import type { RouterConfigInput } from '../support/router-process.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { answer, headersThenSilence, neverAnswer, status } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter, slowFirstToken, stallAfter } from '../support/upstream-twists.js';

const WITHIN_MS = 2_000;
/** USD per million tokens: a token costs a cent. */
const CENT = { input: 10_000, output: 10_000 };

interface QueryJson {
  readonly metadata: { readonly usage: Record<string, unknown> | null; readonly cost_usd: number | null };
}

describe('what a request costs', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  const lines: Line[] = [];
  let users = 0;
  let headers: Record<string, string> = {};
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
  });
  beforeEach(() => {
    upstream.reset();
    lines.length = 0;
  });
  afterEach(() => router.close());
  afterAll(() => upstream.close());

  /** A fresh user with this budget. */
  const start = async (usdPerMonth: number, changes: Partial<RouterConfigInput> = {}, price: object | null = CENT) => {
    const name = `user-${(users += 1)}`;
    headers = { authorization: `Bearer ${name}` };
    const limits = { ...GENEROUS, usdPerMonth };
    const target = targetOn(upstream, price ? { price: price as typeof CENT } : {});
    const config = inOrder([target], {
      auth: { keys: [keyFor(name, { scopes: ['chat', 'admin'], limits })] },
      ...changes,
    });
    router = await startRouter(config, { logger: logTo(lines) });
  };
  const send = (body: Record<string, unknown> = {}) =>
    LeavingCaller.send(
      router,
      '/v1/chat/completions',
      { model: 'auto', messages: ask('hi'), stream: true, ...body },
      headers,
    );
  const spent = async () => {
    const { data } = await jsonOf<{ data: Record<string, number>[] }>(
      await fetch(`${router.url}/admin/usage`, { headers }),
    );
    return data[0] ?? {};
  };

  it('F02 streams that are left at the last token are billed, once each', async () => {
    await start(1_000);
    upstream.always(answer(words(300), {}, stallAfter(299, 'never')));
    for (let n = 0; n < 30; n += 1) {
      const caller = await send();
      await eventually('token 299', WITHIN_MS, () => caller.received.includes('w299'));
      await caller.leave();
    }
    await eventually('30 lines', WITHIN_MS, () => requestLines(lines).length === 30);
    for (const line of requestLines(lines)) {
      expect(line).toMatchObject({ outcome: 'aborted', estimated: true });
      // "w1 w2 ... w299" has 1,386 characters; four are taken for a token
      expect(line['completion_tokens']).toBeGreaterThan(299);
      expect(line['completion_tokens']).toBeLessThan(400);
      expect(line['cost_usd']).toBeGreaterThan(2.99);
    }
    expect((await spent())['cost_usd']).toBeGreaterThan(30 * 2.99);
    figure(
      'F02',
      `30 of 30 streams left at token 299 of 300 are billed: ${Number(requestLines(lines)[0]?.['completion_tokens'])} tokens each, marked as estimated`,
    );
  });

  it('F02 budgets and token limits hold for streams that are left', async () => {
    await start(5);
    upstream.always(answer(words(300), {}, stallAfter(299, 'never')));
    const statuses: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      const caller = await send();
      await eventually('an answer', WITHIN_MS, () => /w299|budget_exceeded/.test(caller.received));
      statuses.push(caller.received.slice(9, 12));
      await caller.leave();
      await eventually(
        'it has ended',
        WITHIN_MS,
        () => upstream.inFlight === 0 && requestLines(lines).length === n + 1,
      );
    }
    expect(statuses).toEqual(['200', '200', '429', '429']);
  });

  it.each<[string, AnswerOptions, number]>([
    ['reasoning', { reasoning: 'a'.repeat(400) }, 100],
    [
      'a tool call',
      { toolCalls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: 'a'.repeat(400) } }] },
      100,
    ],
  ])('F02 %s counts as text that was received', async (_, options, atLeast) => {
    await start(1_000);
    upstream.always(answer('w1', { ...options, usage: 'never' }));
    await (await chat(router, { stream: true }, headers)).text();
    const [line] = await allRequestLines(router, lines);
    expect(line).toMatchObject({ outcome: 'answered', estimated: true });
    expect(line?.['completion_tokens']).toBeGreaterThanOrEqual(atLeast);
  });

  it('F02 a stream that broke off is billed for what came; the count of its server is taken where there is one', async () => {
    await start(1_000, { resilience: { retries: 0, streamRecovery: 'error' } });
    upstream.script(
      answer(words(300), {}, cutAfter(200)),
      answer(words(300), { usage: 'in-every-frame' }, cutAfter(200)),
    );
    for (let n = 0; n < 2; n += 1) await (await chat(router, { stream: true }, headers)).text();
    const [estimated, counted] = await allRequestLines(router, lines);
    expect(estimated).toMatchObject({ outcome: 'cut', estimated: true });
    expect(estimated?.['completion_tokens']).toBeGreaterThan(200);
    expect(counted).toMatchObject({ outcome: 'cut' });
    for (const line of [estimated, counted]) {
      // why is told in it, and beside it once for both
      expect(line).toMatchObject({ error_code: 'upstream_error', failed_attempts: [{ outcome: 'cut' }] });
    }
    const loud = lines.filter(({ level, text }) => level !== 'debug' && text.startsWith('a stream broke off'));
    expect(loud).toEqual([]);
    expect(lines.filter(({ text }) => /^calls of .* fail/.test(text))).toHaveLength(1);
    expect(counted).not.toHaveProperty('estimated');
  });

  it('F02 answers of servers that do not count are estimated, in every place', async () => {
    await start(1_000);
    upstream.always(answer(words(40), { usage: 'never' }));
    const plain = await chat(router, {}, { ...headers, 'x-session-id': 'estimated' });
    expect(Number(plain.headers.get('x-router-cost-usd'))).toBeGreaterThan(0.2);
    expect(await jsonOf(plain)).not.toHaveProperty('usage');
    const streamed = await (
      await chat(router, { stream: true, stream_options: { include_usage: true } }, headers)
    ).text();
    expect(framesOf(streamed).filter(({ usage }) => usage)).toEqual([]);
    const { metadata } = await jsonOf<QueryJson>(await post(`${router.url}/query`, { query: 'hi' }, headers));
    expect(metadata).toMatchObject({ cost_usd: expect.any(Number), usage: { estimated: true } });
    const session = await jsonOf<{ turns: { usage: object }[] }>(
      await fetch(`${router.url}/v1/sessions/estimated`, { headers }),
    );
    expect(session.turns[0]?.usage).toMatchObject({ estimated: true });
    expect(await allRequestLines(router, lines)).toMatchObject([
      { estimated: true },
      { estimated: true },
      { estimated: true },
    ]);
    expect((await spent())['cost_usd']).toBeGreaterThan(0.6);
  });

  const PROMPT = 'word '.repeat(4_000);
  /** Sends it, and leaves while the upstream has it (or has it again). */
  const leaveEarly = async (path: string, body: Record<string, unknown>, calls = 1) => {
    const caller = await LeavingCaller.send(router, path, body, headers);
    await upstream.received(calls - 1);
    await caller.leave();
    await upstream.idle();
  };
  const chatOf = (body: Record<string, unknown> = {}) => ({ model: 'auto', messages: ask(PROMPT), ...body });

  it.each<[string, string, Record<string, unknown>, Behaviour]>([
    ['plain', '/v1/chat/completions', chatOf(), neverAnswer],
    ['plain, when its head had come', '/v1/chat/completions', chatOf(), headersThenSilence],
    ['stream', '/v1/chat/completions', chatOf({ stream: true }), neverAnswer],
    ['/query', '/query', { query: PROMPT }, neverAnswer],
  ])('F02 who leaves before the answer begins pays for the prompt, once (%s)', async (_, path, body, behaviour) => {
    await start(30);
    upstream.always(behaviour);
    await leaveEarly(path, body);
    const [line, ...others] = await allRequestLines(router, lines);
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      ...{ outcome: 'aborted', status: 499, error_code: null, level: 'info', estimated: true },
      ...{ target: upstream.model, completion_tokens: 0, prompt_tokens: expect.any(Number) },
    });
    const tokens = line?.['prompt_tokens'] as number;
    expect(tokens).toBeGreaterThan(4_000);
    expect(line?.['cost_usd']).toBeCloseTo(tokens / 100, 6);
    expect(await spent()).toMatchObject({ requests: 1, prompt_tokens: tokens, cost_usd: line?.['cost_usd'] });
    // what it overshot is known to the budget
    upstream.reset();
    const next = await chat(router, {}, headers);
    expect([next.status, (await jsonOf<ErrorJson>(next)).error.code]).toEqual([429, 'budget_exceeded']);
  });

  it('F02 who leaves while a retry runs pays for one prompt', async () => {
    await start(1_000, { resilience: { retries: 1 } });
    upstream.script(status(500)).always(neverAnswer);
    await leaveEarly('/v1/chat/completions', chatOf(), 2);
    const [line] = await allRequestLines(router, lines);
    expect(line).toMatchObject({ outcome: 'aborted', attempts: 2 });
    expect(line?.['cost_usd']).toBeCloseTo((line?.['prompt_tokens'] as number) / 100, 6);
  });

  it('F02 who leaves while a hedge runs pays for one prompt, the dearer one', async () => {
    const cheap = targetOn(upstream, { id: 'cheap', price: { input: 1, output: 1 } });
    const dear = targetOn(upstream, { id: 'dear', tier: 'cloud', price: CENT });
    await start(1_000, {
      targets: [cheap, dear],
      models: [{ name: 'auto', strategy: 'priority', targets: ['cheap', 'dear'] }],
      resilience: { retries: 0, hedgeAfterMs: 20 },
    });
    upstream.always(neverAnswer);
    await leaveEarly('/v1/chat/completions', chatOf({ stream: true }), 2);
    const [line] = await allRequestLines(router, lines);
    expect(line).toMatchObject({ outcome: 'aborted', attempts: 2, target: 'dear', fallback: true });
    expect(line?.['cost_usd']).toBeCloseTo((line?.['prompt_tokens'] as number) / 100, 6);
  });

  it('F02 who leaves while a free target has the prompt pays nothing, and neither does who waits for a slot', async () => {
    await start(1_000, { targets: [targetOn(upstream, { concurrency: 1, price: { input: 0, output: 0 } })] });
    upstream.always(neverAnswer);
    const first = await send();
    await upstream.received();
    const second = await send();
    await eventually('one waits', WITHIN_MS, async () => (await targetsOf(router, headers))[0]?.queued === 1);
    await second.leave();
    await first.leave();
    await eventually('2 lines', WITHIN_MS, () => requestLines(lines).length === 2);
    const nothing = { outcome: 'aborted', target: null, prompt_tokens: null, cost_usd: 0 };
    expect(requestLines(lines)).toMatchObject([nothing, nothing]);
    expect(await spent()).toMatchObject({ cost_usd: 0, prompt_tokens: 0, unpriced_requests: 0 });
  });

  it('F02 who leaves an answer that goes on for others pays nothing; the last one pays', async () => {
    await start(1_000, { cache: { enabled: true } });
    upstream.always(neverAnswer);
    const first = await send();
    await upstream.received();
    const last = await send();
    await eventually(
      'both are there',
      WITHIN_MS,
      () => router.app.getHttpAdapter().getInstance().callerSignals.size === 2,
    );
    await first.leave();
    await eventually('one has left', WITHIN_MS, () => requestLines(lines).length === 1);
    expect(upstream.inFlight).toBe(1);
    await last.leave();
    await eventually('2 lines', WITHIN_MS, () => requestLines(lines).length === 2);
    expect(upstream.requests).toHaveLength(1);
    expect(requestLines(lines)).toMatchObject([
      { outcome: 'aborted', prompt_tokens: null, cost_usd: 0 },
      { outcome: 'aborted', estimated: true, completion_tokens: 0, cost_usd: expect.any(Number) },
    ]);
    expect((await spent())['cost_usd']).toBe(requestLines(lines)[1]?.['cost_usd']);
  });

  it.each(['/v1/chat/completions', '/query'])(
    'F02 replays cost nothing: the costs of all answers are the usage (%s)',
    async (path) => {
      await start(1_000);
      const body = path === '/query' ? { query: 'hi' } : { model: 'auto', messages: ask('hi') };
      const costs: (string | null)[] = [];
      const bodies = new Set<string>();
      for (let n = 0; n < 4; n += 1) {
        const response = await post(`${router.url}${path}`, body, { ...headers, 'idempotency-key': 'again' });
        costs.push(response.headers.get('x-router-cost-usd'));
        bodies.add(await response.text());
      }
      expect(costs.slice(1)).toEqual(['0', '0', '0']);
      expect(bodies.size).toBe(1);
      expect(Number(costs[0])).toBe((await spent())['cost_usd']);
    },
  );

  it('F02 the replay of a stream says nothing of its cost, as the stream did', async () => {
    await start(1_000);
    const said: (string | null)[] = [];
    for (let n = 0; n < 2; n += 1) {
      const response = await chat(router, { stream: true }, { ...headers, 'idempotency-key': 'again' });
      await response.text();
      said.push(response.headers.get('x-router-cost-usd'), response.headers.get('idempotent-replayed'));
    }
    expect(said).toEqual([null, null, null, 'true']);
  });

  it('F02 a try that failed costs nothing', async () => {
    await start(1_000, { resilience: { retries: 0 } });
    upstream.always(status(500));
    await (await chat(router, { stream: true }, headers)).text();
    expect(await allRequestLines(router, lines)).toMatchObject([
      { outcome: 'failed', prompt_tokens: null, cost_usd: 0 },
    ]);
    expect((await spent())['cost_usd']).toBe(0);
  });

  const LONG = 'word'.repeat(62_500);
  const withPart = (part: object) => ({ messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }, part] }] });
  it.each<[string, Record<string, unknown>]>([
    ['a tool', { tools: [{ type: 'function', function: { name: 'f', description: LONG } }] }],
    [
      'a parameter of a tool',
      {
        tools: [
          { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { [LONG]: {} } } } },
        ],
      },
    ],
    ['a function', { functions: [{ name: 'f', description: LONG }] }],
    [
      'a schema',
      { response_format: { type: 'json_schema', json_schema: { name: 's', schema: { description: LONG } } } },
    ],
    ['a prediction', { prediction: { type: 'content', content: LONG } }],
    [
      'a file',
      withPart({ type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${LONG}` } }),
    ],
    ['audio', withPart({ type: 'input_audio', input_audio: { format: 'mp3', data: 'A'.repeat(1_000_000) } })],
    [
      'images of several messages',
      { messages: Array(15).fill({ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }) },
    ],
    ['a name', { messages: [{ role: 'user', name: LONG, content: 'hi' }] }],
    [
      'a tool call of an earlier turn',
      {
        messages: [
          ...ask('hi'),
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: LONG } }],
          },
          { role: 'tool', tool_call_id: 'a', content: 'ok' },
        ],
      },
    ],
    ['what nobody here knows', { reasoning_hints: { text: LONG } }],
    ['a text that only some servers know', { chat_template: LONG }],
    ['a field beside the text of a part', withPart({ type: 'text', text: 'hi', more: LONG })],
    ['the larger of two limits', { max_tokens: 20_000, max_completion_tokens: 1 }],
  ])('F03 the reservation covers %s', async (_, body) => {
    await start(100);
    upstream.always(answer('ok', {}, slowFirstToken(150, 'headers')));
    const all = await Promise.all(Array.from({ length: 5 }, () => chat(router, { max_tokens: 1, ...body }, headers)));
    expect(all.map((response) => response.status).sort()).toEqual([200, 429, 429, 429, 429]);
    expect(upstream.requests).toHaveLength(1);
    // what was not used is given back: the server counts little
    expect((await chat(router, { max_tokens: 1, ...body }, headers)).status).toBe(200);
  });

  it('F03 the attack: five requests at once, a tool of 1 MB, a small budget', async () => {
    await start(0.05, {}, { input: 8, output: 8 });
    const prompt = 250_000;
    const usage = { prompt_tokens: prompt, completion_tokens: 1, total_tokens: prompt + 1 };
    const counted: Behaviour = (request, model) =>
      answer('ok', { extra: { top: { usage } }, usage: 'never' }, slowFirstToken(150, 'headers'))(request, model);
    upstream.always(counted);
    const tools = [{ type: 'function', function: { name: 'f', description: 'word '.repeat(200_000) } }];
    const all = await Promise.all(Array.from({ length: 5 }, () => chat(router, { max_tokens: 1, tools }, headers)));
    const booked = (await spent())['cost_usd']!;
    expect(all.filter((response) => response.status === 200)).toHaveLength(1);
    expect(booked).toBeLessThan(2.1); // one answer
    figure('F03', `5 requests at once with a tool of 1 MB, budget 0.05 USD: 1 let in, ${booked.toFixed(2)} USD booked`);
  });

  it.each<[string, unknown]>([
    ['without prompt_tokens', { completion_tokens: 2 }],
    ['with texts', { prompt_tokens: '5', completion_tokens: '2', total_tokens: '7' }],
    ['with null', { prompt_tokens: null, completion_tokens: 2, total_tokens: null }],
    ['below zero', { prompt_tokens: -5, completion_tokens: 2, total_tokens: -3 }],
    ['beyond sense', { prompt_tokens: 1e300, completion_tokens: 2, total_tokens: 1e300 }],
    ['that is a list', [1, 2]],
    ['that is a word', 'many'],
  ])('F34 usage %s: unknown is null or no header, and the budget counts an estimate', async (_, usage) => {
    await start(0.5);
    upstream.always(answer(words(4), { extra: { top: { usage } }, usage: 'never' }));
    const plain = await chat(router, { max_tokens: 5 }, { ...headers, 'x-session-id': 'odd' });
    expect([plain.status, plain.headers.get('x-router-cost-usd')]).toEqual([200, null]);
    expect(await jsonOf(plain)).toMatchObject({ usage }); // passes through as it came
    const query = await jsonOf<QueryJson>(await post(`${router.url}/query`, { query: 'hi', max_tokens: 5 }, headers));
    expect(query.metadata.cost_usd).toBeNull();
    expect(query.metadata.usage).toMatchObject({ prompt_tokens: null, total_tokens: null });
    await (await chat(router, { stream: true, max_tokens: 5 }, headers)).text();
    for (const line of await allRequestLines(router, lines))
      expect(line).toMatchObject({ prompt_tokens: null, cost_usd: null });
    const insights = await jsonOf<{ usage: object }>(
      await fetch(`${router.url}/v1/sessions/odd/insights`, { headers }),
    );
    expect(insights).toMatchObject({ usage: { prompt_tokens: 0 }, cost_usd: null });
    expect(await (await fetch(`${router.url}/metrics`)).text()).not.toMatch(/router_(tokens|cost)\S* (NaN|-|\d+e\+)/);
    expect(await spent()).toMatchObject({ prompt_tokens: 0, cost_usd: 0 });
    let code: string | undefined;
    for (let n = 0; n < 9 && code === undefined; n += 1) {
      const next = await chat(router, { max_tokens: 5 }, headers);
      if (next.status !== 200) code = (await jsonOf<ErrorJson>(next)).error.code;
    }
    expect(code).toBe('budget_exceeded');
  });

  describe('F67 targets without a price', () => {
    const other = () => targetOn(upstream, { id: 'priced', price: CENT });
    const configOf = (
      unpriced?: 'count' | 'refuse',
      limits: object = { usdPerMonth: 0.5 },
    ): Partial<RouterConfigInput> => ({
      targets: [targetOn(upstream, { id: 'unpriced' }), other()],
      models: [{ name: 'auto', strategy: 'priority', targets: ['unpriced', 'priced'] }],
      ...(unpriced ? { limits: { ...GENEROUS, unpriced } } : {}),
      auth: { keys: [keyFor('alice', { scopes: ['chat', 'admin'], limits: { ...GENEROUS, ...limits } })] },
    });
    beforeEach(() => (headers = {}));
    const begin = async (config: Partial<RouterConfigInput>) => {
      await start(1, config, null);
      headers = { authorization: 'Bearer alice' };
    };

    it('count at the dearest known price of their tier, and that is told', async () => {
      await begin(configOf());
      const { metadata } = await jsonOf<QueryJson>(
        await post(`${router.url}/query`, { query: 'hi', model: 'unpriced' }, headers),
      );
      expect(metadata.cost_usd).toBeNull();
      let answered = 1;
      let last = 200;
      for (; answered < 60 && last === 200; answered += 1) {
        last = (await chat(router, { model: 'unpriced', max_tokens: 5 }, headers)).status;
      }
      expect(last).toBe(429);
      expect(await targetsOf(router, headers)).toMatchObject([
        { id: 'unpriced', price: null, budget_price: CENT },
        { id: 'priced', price: CENT, budget_price: CENT },
      ]);
      expect(lines.map(({ text }) => text).join('\n')).toContain('unpriced at 10000/10000');
      figure('F67', `a target without a price, budget 0.50 USD: refused after ${answered - 1} answers`);
    });

    it('are refused to callers with a budget where the configuration says so', async () => {
      await begin(configOf('refuse'));
      const named = await chat(router, { model: 'unpriced' }, headers);
      const { error } = await jsonOf<ErrorJson>(named);
      expect([named.status, error.code]).toEqual([403, 'model_not_allowed']);
      expect(error.message).toContain('limits.unpriced');
      expect((await chat(router, { max_tokens: 1 }, headers)).headers.get('x-router-target')).toBe('priced');
      const decision = await jsonOf(await post(`${router.url}/v1/route`, { query: 'hi' }, headers));
      expect(decision['excluded']).toEqual([{ target: 'unpriced', why: 'no_price' }]);
      expect(lines.map(({ text }) => text).join('\n')).toContain('limits.unpriced: refuse');
    });

    it('answer callers without a budget, whatever the configuration says', async () => {
      await begin({ ...configOf('refuse'), auth: { keys: [] } });
      expect((await chat(router, {}, {})).headers.get('x-router-target')).toBe('unpriced');
    });
  });
});
