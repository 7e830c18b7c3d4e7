import { FailoverPair } from '../support/failover-pair.js';
import { WholeAnswer } from '../../src/common/chunk-stream.js';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { CHAT_COMPLETIONS } from '../../src/modules/models/adapters/dialect.js';
import { ModelServer } from '../../src/modules/models/adapters/model-server.js';
import { StreamFrames } from '../../src/modules/models/adapters/stream-frames.js';
import { StreamedCall } from '../../src/modules/models/adapters/streamed-call.js';
import { called } from '../support/fault-row.js';
import { figure } from '../support/figure.js';
import { startRouter } from '../support/router-app.js';
import { chat, eventually, framesOf, jsonOf, payloadsOf, post, targetsOf } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer, events, head, hugeBody, sse, status, write } from '../support/upstream-behaviours.js';
import type { Behaviour, Step } from '../support/upstream-script.js';
import { UpstreamServer } from '../support/upstream-server.js';

const frame = (delta: unknown, finish: string | null = null, more: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_764_000_000,
  model: 'primary',
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
});
const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
const END = [frame({}, 'stop'), { ...frame({}), choices: [], usage }, 'data: [DONE]\n\n'];

describe('what model servers send in an answer', () => {
  let pair: FailoverPair;
  beforeEach(async () => {
    pair = await FailoverPair.start({ cache: { enabled: true } });
  });
  afterEach(() => pair.close());

  const stored = async (session: string) => {
    const { turns } = await jsonOf<{ turns: { messages: Record<string, unknown>[] }[] }>(
      await fetch(`${pair.router.url}/v1/sessions/${session}`),
    );
    return turns[0]?.messages.at(-1);
  };

  it('F07 a field named __proto__ in a frame names nothing but itself', async () => {
    const hostile = '"__proto__":{"stream":true,"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}';
    const text =
      `data: {"id":"c","model":"m",${hostile},"choices":[{"index":0,${hostile},` +
      `"delta":{"role":"assistant","content":"hi",${hostile},"tool_calls":[{"index":0,"id":"t",${hostile}}]}}]}\n\n`;
    pair.primary.always(events(text, text, ...END));
    for (const body of [{ stream: true }, { stream: true }]) {
      const got = await called(pair.router, body, { 'x-session-id': 'proto' });
      expect(got).toMatchObject({ status: 200, text: 'hihi', done: true });
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    // unknown fields go on as they came
    const raw = await (await chat(pair.router, { stream: true }, { 'cache-control': 'no-store' })).text();
    expect(payloadsOf(raw)[0]).toBe(text.slice(6).trim());
    // a plain request of anybody else is still a plain one
    pair.primary.reset();
    expect(await called(pair.router, { messages: [{ role: 'user', content: 'other' }] })).toMatchObject({
      status: 200,
      text: 'Hello from upstream',
    });
    expect(pair.primary.requests[0]?.text).not.toContain('polluted');
    expect(await stored('proto')).toMatchObject({ role: 'assistant', content: 'hihi' });
  });

  it('F07 names from outside find nothing that objects inherit', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const asked = await chat(pair.router, { model: name });
      expect([name, asked.status]).toEqual([name, 404]);
      const session = await fetch(`${pair.router.url}/v1/sessions/${name}`);
      expect([name, session.status]).toEqual([name, 404]);
      const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', required: [name] } } }];
      expect((await chat(pair.router, { tools, [name]: name, metadata: { [name]: name } })).status).toBe(200);
    }
    expect(pair.calls).toEqual([4, 0]);
  });

  it('F07 a request with such names at every level arrives as it was sent and means nothing', async () => {
    const hostile = '"__proto__":{"stream":true,"model":"no","content":"evil","include_usage":true},"constructor":{}';
    const body = `{"model":"primary","messages":[{"role":"user","content":"hi",${hostile}}],"metadata":{${hostile}},${hostile}}`;
    const response = await post(`${pair.router.url}/v1/chat/completions`, body);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^application.json/),
    ]);
    const { text } = pair.primary.requests[0]!;
    expect(text.split(hostile)).toHaveLength(4);
    expect(({} as Record<string, unknown>)['content']).toBeUndefined();
  });

  it('F36 two tool calls with one index, and fragments without an id, are two calls wherever they are kept', async () => {
    const call = (piece: object) => frame({ tool_calls: [{ index: 0, ...piece }] });
    const detail = (text: string) => ({
      reasoning_details: [{ type: 'reasoning.text', text, format: 'v1', index: 0 }],
    });
    pair.primary.always(
      events(
        frame({ role: 'assistant', content: null }),
        frame(detail('Let me ')),
        frame(detail('look.')),
        call({ id: 'call_a', type: 'function', function: { name: 'find', arguments: '{"p":1}' } }),
        call({ id: 'call_b', type: 'function', function: { name: 'find', arguments: '{"p"' } }),
        call({ function: { arguments: ':2}' } }),
        frame({}, 'tool_calls'),
        { ...frame({}), choices: [], usage },
        'data: [DONE]\n\n',
      ),
    );
    const tools = [{ type: 'function', function: { name: 'find' } }];
    const expected = {
      reasoning_details: [{ type: 'reasoning.text', text: 'Let me look.', format: 'v1', index: 0 }],
      tool_calls: [
        { id: 'call_a', type: 'function', function: { name: 'find', arguments: '{"p":1}' } },
        { id: 'call_b', type: 'function', function: { name: 'find', arguments: '{"p":2}' } },
      ],
    };
    await called(pair.router, { stream: true, tools });
    await eventually('the answer is kept', 2_000, async () => {
      const again = await chat(pair.router, { tools });
      const { choices } = await jsonOf<{ choices: { message: object }[] }>(again);
      if (again.headers.get('x-router-cache') !== 'HIT') return false;
      expect(choices[0]?.message).toMatchObject(expected);
      return true;
    });
    await called(pair.router, { stream: true, tools }, { 'x-session-id': 'tools' });
    expect(await stored('tools')).toMatchObject(expected);
  });
});

const SSE: Step = head(200, { 'content-type': 'text/event-stream' });
const wait = (ms: number): Step => ({ do: 'wait', ms });
const DONE = write('data: [DONE]\n\n');
const repeated = (times: number, ...steps: Step[]): Step[] => Array.from({ length: times }, () => steps).flat();
const steps =
  (...list: Step[]): Behaviour =>
  () => [SSE, ...list, { do: 'end' }];

describe('streams that say little', () => {
  let pair: FailoverPair;
  beforeAll(async () => {
    pair = await FailoverPair.start({ resilience: { breaker: { failures: 1_000, resetSeconds: 60 } } });
  });
  beforeEach(() => {
    pair.primary.reset();
    pair.fallback.reset();
    pair.fallback.always(answer('from the fallback'));
  });
  afterAll(() => pair.close());

  const ROLE = frame({ role: 'assistant', content: '' });
  const whole = (choices: unknown) => ({ id: 'c', object: 'chat.completion', model: 'primary', choices, usage });

  it.each<[string, boolean, Behaviour]>([
    ['[DONE] alone', true, events('data: [DONE]\n\n')],
    ['role chunks only', true, events(ROLE, ROLE, 'data: [DONE]\n\n')],
    ['a role and null beside it', true, events(frame({ role: 'assistant', content: null, tool_calls: [], audio: {} }))],
    ['empty choices only', true, events({ ...ROLE, choices: [] }, { ...ROLE, choices: [] }, 'data: [DONE]\n\n')],
    ['usage only', true, events({ ...ROLE, choices: [], usage }, 'data: [DONE]\n\n')],
    ['nothing at all', true, events()],
    ['no choices', false, status(200, whole([]))],
    ['an empty choice', false, status(200, whole([{}]))],
    ['message null', false, status(200, whole([{ index: 0, message: null, finish_reason: null }]))],
    ['content null', false, status(200, whole([{ index: 0, message: { role: 'assistant', content: null } }]))],
    ['choices that are none', false, status(200, whole([null, 'x']))],
  ])('F20 %s is no answer, stream %s', async (_, stream, behaviour) => {
    pair.primary.always(behaviour);
    const got = await called(pair.router, { stream });
    expect(got).toMatchObject({ status: 200, text: 'from the fallback', model: 'fallback', error: null });
    const alone = await called(pair.router, { stream, model: 'primary' });
    expect(alone).toMatchObject({ status: 502, error: { code: 'upstream_error' } });
  });

  it.each<[string, boolean, Behaviour]>([
    ['stream', true, events(ROLE, frame({}, 'stop'), 'data: [DONE]\n\n')],
    [
      'plain',
      false,
      status(200, whole([{ index: 0, message: { role: 'assistant', content: '' }, finish_reason: 'stop' }])),
    ],
  ])('F20 an empty answer with a finish reason is one: %s', async (_, stream, behaviour) => {
    pair.primary.always(behaviour);
    expect(await called(pair.router, { stream })).toMatchObject({ status: 200, text: '', finish: 'stop', error: null });
    expect(pair.calls).toEqual([1, 0]);
  });

  it('F20 a flood of empty frames is given up, not kept', async () => {
    const empty = Buffer.from(`data: ${JSON.stringify(ROLE)}\n\n`.repeat(400));
    pair.primary.always(() => [SSE, { do: 'repeat', bytes: empty, times: 2_000 }, { do: 'end' }]);
    expect(await called(pair.router, { stream: true })).toMatchObject({ text: 'from the fallback', done: true });
    await pair.primary.idle();
    for (const { sentBytes } of pair.primary.requests) expect(sentBytes).toBeLessThan(24 * 1024 * 1024);
  });

  const counted = (completion: number) => ({
    prompt_tokens: 10,
    completion_tokens: completion,
    total_tokens: 10 + completion,
  });
  const running = (content: string, completion: number) => ({ ...frame({ content }), usage: counted(completion) });
  const lateUsage = steps(
    sse(running('a', 1)),
    sse(running('b', 2)),
    sse({ ...frame({}, 'stop'), usage: counted(2) }),
    wait(150),
    sse({ ...frame({}), choices: [], usage: counted(120) }),
    DONE,
  );

  const billed = async () => {
    const metrics = await (await fetch(`${pair.router.url}/metrics`)).text();
    const counts = metrics.match(/(?<=^router_tokens_total\{.*type="completion".*\} )\d+$/gm) ?? [];
    return counts.reduce((sum, count) => sum + Number(count), 0);
  };

  it('F49 usage in every chunk and once more after the end: the last one counts and reaches who asked', async () => {
    pair.primary.always(lateUsage);
    const before = await billed();
    const got = await called(pair.router, { stream: true });
    expect(got).toMatchObject({ text: 'ab', done: true, usage: counted(120) });
    const frames = framesOf((await called(pair.router, { stream: true, stream_options: null })).raw);
    expect(frames.map((it) => it.choices?.length)).toEqual([1, 1, 1]);
    expect((await billed()) - before).toBe(240);
  });

  it('F49 a server that sends neither usage nor [DONE] is not waited for beyond the tail', async () => {
    pair.primary.always(
      steps(
        sse(frame({ content: 'a' })),
        sse({ ...frame({}, 'stop'), usage: counted(1) }),
        ...repeated(40, wait(100), write(': still here\n\n')),
      ),
    );
    const got = await called(pair.router, { stream: true });
    expect(got).toMatchObject({ text: 'a', done: true, usage: counted(1) });
    expect(got.ms).toBeLessThan(3_500);
  });

  it('F62 comments keep a slow stream alive; before the first token they do not', async () => {
    const pulse = repeated(8, wait(150), write(': keep-alive\n\n'));
    pair.primary.script(
      steps(sse(frame({ content: 'a' })), ...pulse, sse(frame({ content: 'b' })), sse(frame({}, 'stop')), DONE),
    );
    const got = await called(pair.router, { stream: true });
    expect(got).toMatchObject({ text: 'ab', done: true, error: null });
    expect(pair.calls).toEqual([1, 0]);
    pair.primary.script(steps(...pulse, sse(frame({ content: 'a' })), sse(frame({}, 'stop')), DONE));
    expect(await called(pair.router, { stream: true })).toMatchObject({ text: 'from the fallback', model: 'fallback' });
    figure('F62', `1.2 s of comments at an idle limit of 0.5 s: whole; before the first token: the fallback`);
  });

  it.each([
    ['comments', write(': keep-alive\n\n')],
    ['empty deltas', sse(frame({}))],
    ['an event that never ends', write('data: ')],
  ])('F62 %s alone are not life for ever', async (_, pulse) => {
    pair.primary.script(steps(sse(frame({ content: 'a' })), ...repeated(100, wait(50), pulse)));
    const config = routerConfigSchema.parse(inOrder([targetOn(pair.primary)])).targets[0]!;
    const url = new URL(`${pair.primary.baseUrl}/chat/completions`);
    const server = new ModelServer(config, {
      url,
      responsesUrl: null,
      dialect: CHAT_COMPLETIONS,
      headers: [],
      auth: null,
    });
    const limits = { beginMs: 2_000, idleMs: 300, contentMs: 900, totalMs: 60_000 };
    const body = JSON.stringify({ model: 'primary', stream: true, messages: [] });
    const call = new StreamedCall(
      server,
      '/v1/chat/completions',
      body,
      new StreamFrames(1),
      limits,
      new AbortController().signal,
    );
    const whole = new WholeAnswer();
    call.relay(whole);
    await expect(whole.chunks).rejects.toMatchObject({ outcome: 'timeout' });
    await server.destroy();
  });
});

describe('F50 connections that the server has closed meanwhile', () => {
  /** Answers the first request of a connection and ends every other one before any byte. */
  const once = (how: 'close' | 'reset', bytes = ''): Behaviour => {
    const served = new Set<number>();
    return (request, model) => {
      const isFirst = !served.has(request.connection);
      served.add(request.connection);
      if (isFirst) return [{ do: 'wait', ms: 100 }, ...answer('hello')(request, model)];
      return bytes === '' ? [{ do: how }] : [SSE, write(bytes), wait(5), { do: how }];
    };
  };
  let upstream: UpstreamServer;
  let router: Awaited<ReturnType<typeof startRouter>>;
  beforeEach(async () => {
    upstream = await UpstreamServer.start({ model: 'primary' });
    router = await startRouter(inOrder([targetOn(upstream, { tier: 'cloud' })]));
  });
  afterEach(async () => {
    await router.close();
    await upstream.close();
  });
  const six = (stream: boolean) => Promise.all(Array.from({ length: 6 }, () => called(router, { stream })));

  it.each([
    ['reset', true],
    ['reset', false],
    ['close', true],
    ['close', false],
  ] as const)('six warm ones, %s, stream %s: nobody notices', async (how, stream) => {
    upstream.always(once(how));
    await six(stream);
    expect(upstream.openConnections).toBe(6);
    const answers = await six(stream);
    for (const got of answers) {
      expect(got).toMatchObject({ status: 200, text: 'hello', error: null });
      expect(got.headers.get('x-router-attempts')).toBe('1');
    }
    const closed = upstream.requests.filter(({ ending }) => ending === 'cut').length;
    expect(closed).toBeGreaterThan(0);
    expect(upstream.requests.length).toBe(12 + closed); // each of them sent once more
    expect((await targetsOf(router))[0]).toMatchObject({ breaker: 'closed' });
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    const attempts = metrics.split('\n').filter((line) => line.startsWith('router_attempts_total'));
    expect(attempts).toEqual(['router_attempts_total{target="primary",outcome="ok"} 12']);
    figure(
      'F50',
      `${how}, stream ${stream}: 6 of 6 answered (${closed} met a closed connection), attempts 1 each, breaker closed`,
    );
  });

  it('a byte of an answer, or a new connection, makes it a failed attempt', async () => {
    upstream.always(once('reset', ': hello\n\n'));
    await called(router, { stream: true });
    const got = await called(router, { stream: true });
    expect(got.headers.get('x-router-attempts')).toBe('2');
    await router.reload(inOrder([targetOn(upstream, { tier: 'cloud' })], { resilience: { retries: 1 } }));
    upstream.reset();
    upstream.always(() => [{ do: 'reset' }]);
    expect((await called(router, {})).status).toBe(503);
    // the idle connection of before: sent once more, counted once; then the retry on a new one
    expect(upstream.requests.length).toBeLessThanOrEqual(3);
  });
});

it('F38 /api/ps that never ends is read up to its bound', async () => {
  const upstream = await UpstreamServer.start({ model: 'local' });
  upstream.respondTo('/api/ps', hugeBody(1024 * 1024 * 1024));
  const router = await startRouter(inOrder([targetOn(upstream)]));
  try {
    await eventually('the question is over', 5_000, () => upstream.otherRequests[0]?.ending != null);
    const [asked] = upstream.otherRequests;
    expect(asked).toMatchObject({ path: '/api/ps', ending: 'aborted' });
    expect(asked!.sentBytes).toBeLessThan(16 * 1024 * 1024);
    expect(await called(router)).toMatchObject({ status: 200, text: 'Hello from upstream' });
    figure(
      'F38',
      `/api/ps without end: ${(asked!.sentBytes / 1024 / 1024).toFixed(1)} MB taken, socket buffers included`,
    );
  } finally {
    await router.close();
    await upstream.close();
  }
});
