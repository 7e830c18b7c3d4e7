import { FailoverPair } from '../support/failover-pair.js';
import { called } from '../support/fault-row.js';
import { answer, events, head, status, write } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';

const DONE = 'data: [DONE]\n\n';
/** Looks like a number that is wide: such an answer is read once more where digits must not be lost. */
const ID = 'x1e5';
const chunk = (delta: unknown, more: object = {}) => ({
  id: ID,
  choices: [{ index: 0, delta, finish_reason: null }],
  ...more,
});
const end = (delta: unknown) => ({ id: ID, choices: [{ index: 0, delta, finish_reason: 'stop' }] });
const whole = (message: unknown, more: object = {}) => ({
  id: ID,
  choices: [{ index: 0, message, finish_reason: 'stop' }],
  ...more,
});
const json = (body: unknown): Behaviour => status(200, body);
const nested = (levels: number): string => '{"a":['.repeat(levels / 2) + ']}'.repeat(levels / 2);

describe('answers of a form that nobody expects', () => {
  let pair: FailoverPair;
  let failures = 1_000;
  beforeAll(async () => {
    const resilience = { retries: 0, breaker: { failures, resetSeconds: 1 } };
    pair = await FailoverPair.start({ cache: { enabled: true }, resilience });
  });
  beforeEach(async () => {
    pair.primary.reset();
    pair.fallback.reset();
    // other settings of the breaker: what a target met before is forgotten
    const { current } = pair.router.config;
    failures += 1;
    const breaker = { failures, resetSeconds: 1 };
    await pair.router.reload({ ...current, resilience: { ...current.resilience, breaker } });
  });
  afterAll(() => pair.close());

  it.each([
    ['null', [chunk(null), chunk({ content: 'hi' }), end(null)]],
    ['a text', [chunk('x'), chunk({ content: 'hi' }), end('x')]],
    ['a list', [chunk(['x']), chunk({ content: 'hi' }), end([])]],
    ['tool calls that are no list', [chunk({ content: 'hi', tool_calls: { a: 1 } }), end({ tool_calls: 5 })]],
    ['a model that is no text', [chunk({ content: 'hi' }, { model: { a: 1 } }), end({})]],
    ['a model that is a number', [chunk({ content: 'hi' }, { model: 7 }), end({})]],
  ])('F20 a delta of %s: the answer as it came, stored and replayed too', async (name, frames) => {
    pair.primary.always(events(...frames, DONE));
    const question = { messages: [{ role: 'user', content: `stream ${name}` }] };
    const got = await called(pair.router, { stream: true, ...question }, { 'x-session-id': 'deltas' });
    expect(got).toMatchObject({ status: 200, text: expect.stringContaining('hi'), done: true, error: null });
    expect(got.headers.get('x-router-model')).toBe('primary');
    for (const stream of [true, false]) {
      expect(await called(pair.router, { stream, ...question })).toMatchObject({ status: 200, error: null });
    }
    expect(pair.calls[1]).toBe(0);
  });

  it.each([
    ['message null', whole(null)],
    ['message text', whole('hi')],
    ['content a list', whole({ content: [{ type: 'text', text: 'hi' }, null, 5] })],
    ['content a number', whole({ content: 42 })],
    ['tool calls null', whole({ content: 'hi', tool_calls: null })],
    ['tool calls of all kinds', whole({ content: null, tool_calls: [null, 5, { function: null }] })],
    ['tool calls that are no list', whole({ content: 'hi', tool_calls: { a: 1 } })],
    ['model', whole({ content: 'hi' }, { model: { a: 1 } })],
    ['id', whole({ content: 'hi' }, { id: 7, created: 'x', usage: [1] })],
  ])('F20 a plain answer with an odd %s: as it came, stored and replayed too', async (name, body) => {
    pair.primary.always(json(body));
    const question = { messages: [{ role: 'user', content: `plain ${name}` }] };
    const got = await called(pair.router, question, { 'x-session-id': name.replaceAll(' ', '-') });
    expect(got).toMatchObject({ status: 200, raw: JSON.stringify(body) });
    for (const stream of [true, false]) {
      expect(await called(pair.router, { stream, ...question })).toMatchObject({ status: 200, error: null });
    }
    expect((await fetch(`${pair.router.url}/v1/sessions/${name.replaceAll(' ', '-')}`)).status).toBeLessThan(500);
    expect(pair.calls[1]).toBe(0);
  });

  it.each([
    ['null', null],
    ['a text', 'x'],
    ['tool calls that are no list', { tool_calls: 5, x: 12345678901234567890 }],
  ])('F20 a delta of %s in the answer that goes on where one was cut', async (_, odd) => {
    pair.primary.always(events(chunk({ content: 'one two three four five six' })));
    pair.fallback.always(events(chunk(odd), chunk({ content: 'one two three four five six seven' }), end(odd), DONE));
    const got = await called(pair.router, { stream: true }, { 'cache-control': 'no-store' });
    expect(got).toMatchObject({ text: 'one two three four five six seven', done: true, error: null });
  });

  it('F63 a name of 100,000 characters is no header of that length', async () => {
    pair.primary.always(json(whole({ content: 'hi' }, { model: 'é'.repeat(100_000) })));
    const got = await called(pair.router, { messages: [{ role: 'user', content: 'long name' }] });
    expect(got).toMatchObject({ status: 200, text: 'hi' });
    expect(got.headers.get('x-router-model')).toHaveLength(256);
  });

  it('F63 what is nested 20,000 deep is no answer, and an error of that depth is the error of its status', async () => {
    const deep = `{"id":"x","choices":[{"index":0,"message":{"content":"hi","x":${nested(20_000)}},"finish_reason":"stop"}]}`;
    const frame = deep.replace('"message"', '"delta"');
    pair.primary.always(json(deep));
    const plain = await called(pair.router, { messages: [{ role: 'user', content: 'deep' }] });
    expect(plain).toMatchObject({ status: 200, model: 'fallback' });
    pair.primary.always(() => [
      head(200, { 'content-type': 'Text/Event-Stream' }),
      write(`data: ${frame}\n\ndata: ${JSON.stringify(chunk({ content: 'ho' }))}\n\n`),
      write(`data: ${JSON.stringify(end({}))}\n\n${DONE}`),
      { do: 'end' },
    ]);
    const streamed = await called(pair.router, { stream: true, messages: [{ role: 'user', content: 'deep stream' }] });
    expect(streamed).toMatchObject({ status: 200, text: 'ho', done: true, error: null });
    for (const body of [nested(20_000), nested(6_000), '['.repeat(70_000)]) {
      pair.primary.always(status(400, body));
      const refused = await called(pair.router, { messages: [{ role: 'user', content: 'deep error' }] });
      expect(refused).toMatchObject({ status: 400, error: { code: 'invalid_request' } });
    }
  });

  it.each([407, 409, 410, 421, 423, 424, 425, 426, 499])(
    'F46 %i says nothing about the request: another target answers',
    async (code) => {
      pair.primary.always(status(code));
      for (const stream of [true, false]) {
        const got = await called(pair.router, { stream, messages: [{ role: 'user', content: `status ${code}` }] });
        expect(got).toMatchObject({ status: 200, text: 'Hello from upstream', error: null });
      }
      expect(pair.fallback.requests.length).toBeGreaterThan(0);
    },
  );

  it.each([
    'Input is too long for requested model.',
    'prompt is too long: 210000 tokens > 200000 maximum',
    'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000',
    'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 3000 `inputs` tokens',
  ])('F70 a prompt that is too long, as other servers say it: %s', async (message) => {
    pair.primary.always(status(400, { error: { message } }));
    pair.fallback.always(answer('from the larger one'));
    const got = await called(pair.router, { messages: [{ role: 'user', content: message }] });
    expect(got).toMatchObject({ status: 200, text: 'from the larger one' });
    expect(pair.calls).toEqual([1, 1]);
  });

  it.each([
    [400, { error: { message: 'Model is loading, please wait' } }],
    [409, { error: 'model is still loading' }],
    [424, { message: 'The model is not ready' }],
    [404, { error: 'model is currently loading' }],
    [429, { error: { message: 'Model is loading', code: 'model_loading' } }],
  ])('F48 a model that is being loaded, said with status %i', async (code, body) => {
    pair.primary.script(status(code, body));
    const got = await called(pair.router, { model: 'primary', messages: [{ role: 'user', content: `load ${code}` }] });
    expect(got).toMatchObject({ status: 200, text: 'Hello from upstream' });
    expect(pair.calls).toEqual([2, 0]);
    const metrics = await (await fetch(`${pair.router.url}/metrics`)).text();
    expect(metrics).toContain('router_attempts_total{target="primary",outcome="loading"}');
  });
});
