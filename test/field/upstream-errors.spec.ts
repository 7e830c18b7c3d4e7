import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { FailoverPair } from '../support/failover-pair.js';
import { called, gapsOf } from '../support/fault-row.js';
import { figure } from '../support/figure.js';
import { words } from '../support/openai-answer.js';
import { chat, eventually, payloadsOf, targetsOf } from '../support/router-calls.js';
import { answer, events, head, status, write } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';

const ANSWER = words(12);
const FORMS = [{ stream: true }, { stream: false }];
const DONE = 'data: [DONE]\n\n';
const frame = (delta: unknown, finish: string | null = null) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_764_000_000,
  model: 'primary',
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const ROLE = frame({ role: 'assistant', content: '' });
const TOKENS = ANSWER.match(/\s*\S+/g)!.map((content) => frame({ content }));
const named = (event: string, json: unknown): string => `event: ${event}\ndata: ${JSON.stringify(json)}\n\n`;
const json = (body: unknown, headers: Record<string, string> = {}): Behaviour => status(200, body, headers);

/** One router for the tests of a group; its breaker stays out of the way where that is not what they are about. */
function sharedPair({ failures = 1_000, cached = false, retries = 2 } = {}): { readonly the: FailoverPair } {
  const shared: { the: FailoverPair } = { the: undefined as never };
  beforeAll(async () => {
    shared.the = await FailoverPair.start({
      cache: { enabled: cached },
      resilience: { retries, breaker: { failures, resetSeconds: 60 } },
    });
  });
  beforeEach(() => {
    shared.the.primary.reset();
    shared.the.fallback.reset();
    shared.the.fallback.always(answer(ANSWER));
  });
  afterAll(() => shared.the.close());
  return shared;
}
const UNCACHED = { 'cache-control': 'no-store' };

describe('errors as model servers tell them', () => {
  describe('F45 an error among the frames of one write', () => {
    const pair = sharedPair({ cached: true });
    const shapes: [string, unknown][] = [
      ['an object', { error: { message: 'worker died', code: 504 } }],
      ['a text', { error: 'worker died' }],
      ['vLLM, older', { object: 'error', message: 'engine died', code: 500 }],
      ['FastAPI', { detail: 'engine died' }],
      ['Anthropic', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }],
      ['LM Studio', named('error', { error: { message: 'Compute error.' }, message: 'Compute error.' })],
      ['event: error with plain words', 'event: error\ndata: engine died\n\n'],
      ['llama.cpp of 2025', 'error: {"code":500,"message":"engine died","type":"server_error"}\n\n'],
      ['a line without data:', '{"error": "engine died"}\n\n'],
      ['text-generation-inference', { error: 'engine died', error_type: 'generation' }],
      ['Google', [{ error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } }]],
      ['OpenRouter', { ...frame({ content: '' }, 'error'), error: { code: 502, message: 'provider died' } }],
      ['in a choice', { choices: [{ index: 0, delta: {}, error: { code: 502, message: 'provider died' } }] }],
      ['the finish reason error', frame({}, 'error')],
      ['a problem document', { type: 'about:blank', title: 'The engine died', status: 503 }],
      ['other names', { error_message: 'engine died', error_code: 500 }],
    ];
    const unclear: [string, string][] = [
      ['plain words', 'engine died\n\n'],
      ['plain words as data', 'data: engine died\n\n'],
      ['an object over several lines', '{\n  "error": {"message": "engine died", "code": 500}\n}\n\n'],
    ];

    it.each(unclear)('%s and [DONE], and nobody said that the answer is finished: cut', async (_, text) => {
      pair.the.primary.always(events(ROLE, ...TOKENS, text, DONE));
      const alone = await called(pair.the.router, { stream: true, model: 'primary' }, UNCACHED);
      expect(alone).toMatchObject({ text: ANSWER, done: false, error: { code: 'upstream_error' } });
      expect(alone.raw).not.toMatch(/died/);
      pair.the.primary.always(events(ROLE, ...TOKENS, text, frame({}, 'stop'), DONE));
      expect(await called(pair.the.router, { stream: true }, UNCACHED)).toMatchObject({ text: ANSWER, done: true });
    });

    it.each(shapes)('%s: never shown, never a success', async (name, shape) => {
      pair.the.primary.always(events(ROLE, ...TOKENS, shape, frame({ content: ' more' }), frame({}, 'stop'), DONE));
      const session = `s${shapes.findIndex(([other]) => other === name)}`;
      const alone = await called(pair.the.router, { stream: true, model: 'primary' }, { 'x-session-id': session });
      expect(alone).toMatchObject({ status: 200, text: ANSWER, done: false, error: { code: 'upstream_error' } });
      expect(alone.raw).not.toMatch(/died|Overloaded|overloaded|Compute|more/);
      expect((await fetch(`${pair.the.router.url}/v1/sessions/${session}`)).status).toBe(404);
      // text in one piece goes on elsewhere
      const both = await called(pair.the.router, { stream: true }, UNCACHED);
      expect(both).toMatchObject({ text: ANSWER, done: true, error: null });
      figure('F45', `${name}: alone ${alone.error?.code}, with a fallback the whole answer`);
    });

    it('before any content it is a failed attempt', async () => {
      pair.the.primary.always(events(ROLE, { error: { message: 'worker died', code: 504 } }, DONE));
      expect(await called(pair.the.router, { stream: true })).toMatchObject({
        text: ANSWER,
        done: true,
        model: 'fallback',
      });
    });

    it('what only looks like one goes through as it is', async () => {
      const frames = [
        { ...ROLE, error: null },
        { ...frame({ content: 'a' }), error: null, detail: 'beside choices', message: 'too' },
        { ...frame({ content: 'b' }), warning: { code: 500 }, error: {} },
        { ...frame({}), choices: [], prompt_filter_results: [] },
        named('message', frame({}, 'stop')),
        DONE,
      ];
      pair.the.primary.always(events(...frames));
      const raw = await (await chat(pair.the.router, { stream: true }, UNCACHED)).text();
      expect(payloadsOf(raw).slice(0, 4)).toEqual(frames.slice(0, 4).map((it) => JSON.stringify(it)));
      expect(payloadsOf(raw).at(-1)).toBe('[DONE]');
      expect(pair.the.calls).toEqual([1, 0]);
    });
  });

  describe('F08 an answer that is nested deeper than anybody can read', () => {
    const pair = sharedPair();
    const LEVELS = 30_000; // an error body is read up to 64 KiB
    const spoiled = (it: unknown) => JSON.stringify(it).replace('"DEEP"', '['.repeat(LEVELS) + ']'.repeat(LEVELS));
    const whole = { id: 'a', object: 'chat.completion', choices: [{ index: 0, finish_reason: 'stop' }] };

    it.each([
      ['plain', { stream: false }, status(200, spoiled({ ...whole, choices: [{ message: { content: 'DEEP' } }] }))],
      ['plain, beside the text', { stream: false }, status(200, spoiled({ ...whole, x: 'DEEP' }))],
      ['streamed', { stream: true }, events(`data: ${spoiled(frame({ content: 'a', x: 'DEEP' }))}\n\n`, DONE)],
      ['a status', { stream: true }, status(500, spoiled({ error: 'DEEP' }))],
      ['an error in a frame', { stream: true }, events(`data: ${spoiled({ error: 'DEEP' })}\n\n`, DONE)],
    ] as const)('%s: the next target answers, and what was taken is given back', async (name, form, behaviour) => {
      pair.the.primary.always(behaviour);
      expect(await called(pair.the.router, form, UNCACHED)).toMatchObject({ text: ANSWER, error: null });
      expect(await called(pair.the.router, { ...form, model: 'primary' }, UNCACHED)).not.toMatchObject({
        text: ANSWER,
      });
      await eventually('nothing is in flight', 2_000, async () =>
        (await targetsOf(pair.the.router)).every(({ in_flight: inFlight }) => inFlight === 0),
      );
      figure('F08', `30,000 levels, ${name}: the fallback answers`);
    });
  });

  describe('F46 a refusal in the body', () => {
    const pair = sharedPair({ failures: 5 });
    const breakerOf = async (id: string) => (await targetsOf(pair.the.router)).find((it) => it.id === id)?.breaker;

    it.each([
      [{ object: 'error', message: 'top_p must be in (0, 1]', type: 'BadRequestError', code: 400 }],
      [{ error: { message: 'top_p must be in (0, 1]', type: 'invalid_request_error', code: null } }],
      [{ error: { message: 'top_p must be in (0, 1]', code: '422' } }],
    ])('a refusal is the caller’s, one try: %j', async (body) => {
      for (const [form, behaviour] of [
        [{ stream: true }, events(named('error', body), DONE)],
        [{ stream: true }, events(body)],
        [{ stream: true }, json(body)],
        [{ stream: false }, json(body)],
      ] as const) {
        pair.the.primary.reset();
        pair.the.primary.always(behaviour);
        const got = await called(pair.the.router, form);
        expect(got).toMatchObject({
          status: 400,
          error: { code: 'invalid_request', message: 'top_p must be in (0, 1]' },
        });
        expect(pair.the.calls).toEqual([1, 0]);
      }
      expect(await breakerOf('primary')).toBe('closed');
    });
  });

  describe('F46 a code in the body counts as the status would', () => {
    const pair = sharedPair();

    it.each([
      [{ code: 401, message: 'bad key' }, 'auth'],
      [{ code: 402, message: 'no credits' }, 'auth'],
      [{ code: 404, message: 'no such model' }, 'not_found'],
      [{ code: 503, message: 'no worker' }, 'server_error'],
      [{ type: 'server_error', message: 'x' }, 'server_error'],
    ])('%j falls back', async (error, outcome) => {
      for (const form of FORMS) {
        pair.the.primary.always(form.stream ? events({ error }, DONE) : json({ error }));
        const got = await called(pair.the.router, form, UNCACHED);
        expect(got).toMatchObject({ text: ANSWER, error: null, model: 'fallback' });
      }
      const metrics = await (await fetch(`${pair.the.router.url}/metrics`)).text();
      expect(metrics).toContain(`router_attempts_total{target="primary",outcome="${outcome}"}`);
    });

    it('context_length_exceeded goes to the larger window, a refusal in the middle keeps its reason', async () => {
      const long = { error: { message: 'maximum context length is 8192', code: 'context_length_exceeded' } };
      pair.the.primary.always(events(long));
      const alone = await called(pair.the.router, { stream: true, model: 'primary' });
      expect(alone).toMatchObject({ status: 400, error: { code: 'context_length_exceeded' } });
      const filtered = { error: { message: 'The response was filtered', code: 'content_filter' } };
      pair.the.primary.always(events(ROLE, ...TOKENS, filtered));
      const cut = await called(pair.the.router, { stream: true });
      expect(cut).toMatchObject({ text: ANSWER, done: false, error: { code: 'content_filter' } });
      expect(cut.error?.message).toBe('The response was filtered');
      expect(pair.the.calls[1]).toBe(0);
    });

    it('429 in the body with a time to wait', async () => {
      const wait = { error: { code: 429, message: 'slow down', retry_after: 1.2 } };
      pair.the.primary.script(json(wait)).always(answer(ANSWER));
      expect(await called(pair.the.router, { model: 'primary' })).toMatchObject({ status: 200, text: ANSWER });
      expect(gapsOf(pair.the.primary.requests)[0]).toBeGreaterThanOrEqual(1_190);
    });
  });

  describe('F60, F63 the reason of a refusal', () => {
    const pair = sharedPair();

    it.each(FORMS)('F60 category and severity of a content filter are kept, stream $stream', async (form) => {
      const innererror = {
        code: 'ResponsibleAIPolicyViolation',
        content_filter_result: {
          hate: { filtered: true, severity: 'high' },
          jailbreak: { filtered: false, detected: false },
        },
      };
      const error = {
        message: 'The prompt was filtered',
        type: null,
        param: 'prompt',
        code: 'content_filter',
        innererror,
      };
      pair.the.primary.script(
        status(400, { error: { ...error, status: 400 } }),
        form.stream ? events({ error }) : json({ error }),
      );
      for (let i = 0; i < 2; i += 1) {
        const got = await called(pair.the.router, form);
        expect(got).toMatchObject({ status: 400, error: { code: 'content_filter', param: 'prompt', innererror } });
      }
      pair.the.primary.script(events(ROLE, ...TOKENS, { error }));
      const cut = await called(pair.the.router, { stream: true });
      expect(cut).toMatchObject({ text: ANSWER, done: false, error: { code: 'content_filter', innererror } });
      const results = { content_filter_results: { hate: { filtered: false, severity: 'safe' } } };
      const asItCame = { ...frame({ content: 'x' }), choices: [{ ...frame({ content: 'x' }).choices[0], ...results }] };
      pair.the.primary.script(events(asItCame, frame({}, 'stop'), DONE));
      const passed = await (await chat(pair.the.router, { stream: true, seed: 1 })).text();
      expect(payloadsOf(passed)[0]).toBe(JSON.stringify(asItCame));
      expect(pair.the.calls[1]).toBe(0);
    });

    it.each([
      ['a text', 'temperature is too high', /^temperature is too high$/],
      ['a list', ['temperature', 'is too high'], /temperature; is too high/],
      ['detail', { detail: 'temperature is too high' }, /^temperature is too high$/],
      [
        'FastAPI',
        { detail: [{ loc: ['body', 'temperature'], msg: 'is too high', type: 'value_error' }] },
        /^temperature: is too high$/,
      ],
      ['message', { message: 'temperature is too high' }, /^temperature is too high$/],
      ['error text', { error: 'temperature is too high' }, /^temperature is too high$/],
      ['errors', { errors: [{ message: 'temperature is too high' }] }, /^temperature is too high$/],
      ['a form of its own', { faults: { temperature: 'is too high' } }, /temperature.*is too high/],
      ['a long text', { message: `temperature ${'👋🏽'.repeat(9_000)}` }, /^temperature 👋/u],
      ['more than 64 KiB', { message: `temperature ${'ä'.repeat(70_000)}` }, /temperature ä{100}/],
    ])('F63 %s keeps its reason', async (_, body, reason) => {
      pair.the.primary.always(status(400, JSON.stringify(body)));
      for (const form of FORMS) {
        const got = await called(pair.the.router, form);
        expect(got).toMatchObject({ status: 400, error: { code: 'invalid_request' } });
        expect(got.error?.message).toMatch(reason);
        expect(got.error?.message.isWellFormed()).toBe(true);
        expect(got.error?.message).not.toContain('\ufffd');
      }
    });

    it.each([0, 1])('F63 what an operator reads of it ends between characters, too: %i', async (shift) => {
      pair.the.primary.always(status(503, { message: 'x'.repeat(shift) + '👋'.repeat(9_000) }));
      await called(pair.the.router, { model: 'primary' });
      const listed = (await targetsOf(pair.the.router)).find(({ id }) => id === 'primary');
      const { message } = listed?.['last_error'] as { message: string };
      expect(message).toContain('👋');
      expect(message.isWellFormed()).toBe(true);
    });

    it.each(['soon', '-5', 'Infinity', '1e9', 'in 5 minutes'])(
      'F63 Retry-After: %s is not waited for',
      async (value) => {
        pair.the.primary.script(status(429, {}, { 'retry-after': value })).always(answer(ANSWER));
        const got = await called(pair.the.router, { model: 'primary' });
        expect(got).toMatchObject({ status: 200, text: ANSWER });
      },
    );
  });

  describe('F52 compression that nobody asked for', () => {
    const pair = sharedPair({ retries: 0 });
    const codings: [string, (text: string) => Buffer][] = [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
      ['zstd', zstdCompressSync],
    ];
    const encoded =
      (code: number, coding: string, bytes: Buffer, type = 'application/json'): Behaviour =>
      () => [head(code, { 'content-type': type, 'content-encoding': coding }), write(bytes), { do: 'end' }];

    it.each(codings)('%s: answers and reasons are read all the same, identity is asked for', async (coding, pack) => {
      const refusal = JSON.stringify({ error: { message: 'temperature is too high', type: 'invalid_request_error' } });
      const whole = JSON.stringify({ choices: [{ index: 0, message: { content: ANSWER }, finish_reason: 'stop' }] });
      const stream =
        [ROLE, ...TOKENS, frame({}, 'stop')].map((it) => `data: ${JSON.stringify(it)}\n\n`).join('') + DONE;
      pair.the.primary.script(
        encoded(400, coding, pack(refusal)),
        encoded(400, coding, pack(refusal)),
        encoded(200, coding, pack(whole)),
        encoded(200, coding, pack(stream), 'text/event-stream'),
      );
      for (const form of FORMS) {
        expect((await called(pair.the.router, form)).error?.message).toBe('temperature is too high');
      }
      expect(await called(pair.the.router)).toMatchObject({ status: 200, text: ANSWER });
      const fresh = { 'cache-control': 'no-cache' };
      expect(await called(pair.the.router, { stream: true }, fresh)).toMatchObject({ text: ANSWER, done: true });
      expect(pair.the.calls).toEqual([4, 0]);
      expect(pair.the.primary.requests.map(({ headers }) => headers['accept-encoding'])).toEqual(
        Array(4).fill('identity'),
      );
    });

    it('a bomb, a broken body and a coding nobody knows are failed attempts', async () => {
      pair.the.primary.script(encoded(400, 'snappy', Buffer.from('x')));
      expect((await called(pair.the.router)).status).toBe(400);
      const bomb = gzipSync(Buffer.alloc(70 * 1024 * 1024, ' '));
      for (const behaviour of [
        encoded(200, 'gzip', bomb),
        encoded(200, 'gzip', Buffer.from('no gzip')),
        encoded(200, 'snappy', Buffer.from('x')),
      ]) {
        pair.the.primary.always(behaviour);
        for (const form of FORMS) {
          const got = await called(pair.the.router, form, UNCACHED);
          expect(got).toMatchObject({ status: 200, text: ANSWER, model: 'fallback' });
        }
      }
    });
  });
});
