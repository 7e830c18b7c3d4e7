import type { APIError } from 'openai';
import { FailoverPair } from '../support/failover-pair.js';
import { called, figure } from '../support/fault-row.js';
import { ask, jsonOf, openaiAt, post } from '../support/router-calls.js';
import { answer, contextLengthExceeded, neverAnswer, status, wrongKey } from '../support/upstream-behaviours.js';

const FORMS = [{ stream: true }, { stream: false }];

describe('from one target to the next', () => {
  let pair: FailoverPair;
  const start: typeof FailoverPair.start = async (changes, { primary, fallback } = {}) => {
    const patient = { timeouts: {} }; // nobody times out, however slow this machine is
    pair = await FailoverPair.start(changes, {
      primary: { ...patient, ...primary },
      fallback: { ...patient, ...fallback },
    });
    return pair;
  };
  afterEach(() => pair.close());

  describe('F70 an unknown context window', () => {
    beforeEach(() => start({}, { primary: { contextWindow: 8_192 } }));

    it.each(FORMS)('F70 is tried once after context_length_exceeded, stream $stream', async (form) => {
      pair.primary.always(contextLengthExceeded);
      pair.fallback.always(answer('it fits here'));
      expect(await called(pair.router, form)).toMatchObject({ status: 200, text: 'it fits here' });
      expect(pair.calls).toEqual([1, 1]);
      pair.fallback.always(contextLengthExceeded);
      const refused = await called(pair.router, form);
      expect(refused).toMatchObject({ status: 400, error: { code: 'context_length_exceeded' } });
      expect(pair.calls).toEqual([2, 2]);
      figure('F70', `window unknown: tried once, then ${refused.status} ${refused.error?.code}`);
    });

    it('F70 takes no target out of a decision and cuts no conversation short', async () => {
      const long = 'word '.repeat(9_000); // about 11,250 tokens
      const session = { 'x-session-id': 'long-talk' };
      const asked = async (body: Record<string, unknown>) =>
        (await jsonOf<{ metadata: object }>(await post(`${pair.router.url}/query`, body, session))).metadata;
      expect(await asked({ query: long })).toMatchObject({ target: 'fallback', context_turns: 0 });
      const second = await asked({ query: 'and then?', model: 'fallback' });
      expect(second).toMatchObject({ target: 'fallback', context_turns: 1 });
      expect(pair.calls).toEqual([0, 2]);
      expect(pair.fallback.requests[1]?.body?.messages.map(({ content }) => content)).toEqual([
        long,
        'Hello from upstream',
        'and then?',
      ]);
      const models = await jsonOf<{ data: { id: string; context_window?: number | null }[] }>(
        await fetch(`${pair.router.url}/v1/models`),
      );
      expect(models.data.find(({ id }) => id === 'fallback')).toMatchObject({ context_window: null });
    });
  });

  describe('F24 the error tells whether trying again can help', () => {
    const small = { primary: { contextWindow: 8_192 }, fallback: { contextWindow: 128_000 } };

    it.each(FORMS)('F24 a small window refuses, the larger target is down: 503, stream $stream', async (form) => {
      await start({ resilience: { retries: 0 } }, small);
      pair.primary.always(contextLengthExceeded);
      pair.fallback.always(status(503));
      const got = await called(pair.router, form);
      expect(got).toMatchObject({ status: 503, error: { code: 'no_target_available' } });
      expect(Number(got.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(got.headers.has('x-should-retry')).toBe(false);
      pair.fallback.always(answer('it fits'));
      expect(await called(pair.router, form)).toMatchObject({ status: 200, text: 'it fits' });
      figure('F24', `small refuses, larger down: ${got.status} ${got.error?.code}`);
    });

    it('F24 the same while the breaker of the larger one is open', async () => {
      await start({ resilience: { retries: 0, breaker: { failures: 1 } } }, small);
      pair.fallback.always(status(503));
      await called(pair.router, { model: 'fallback' });
      pair.primary.always(contextLengthExceeded);
      const got = await called(pair.router);
      expect(got.status).toBe(503);
      expect(got.headers.has('x-should-retry')).toBe(false);
    });

    it('F24 a refused key is no outage: the refusal of the prompt is what the caller can mend', async () => {
      await start({}, small);
      pair.primary.always(contextLengthExceeded);
      pair.fallback.always(wrongKey);
      expect(await called(pair.router)).toMatchObject({ status: 400, error: { code: 'context_length_exceeded' } });
    });
  });

  describe('F25 what was retried here is not multiplied by SDKs', () => {
    it.each([
      ['500', status(500), 503],
      ['no chat answer', status(200, 'nonsense'), 502],
      ['a silent server and a silent fallback', neverAnswer, 504],
    ])('F25 %s: the OpenAI client with its default retries sends it once', async (name, fails, code) => {
      await start({}, { primary: { timeouts: { plainMs: 200 } }, fallback: { timeouts: { plainMs: 200 } } });
      pair.primary.always(fails);
      pair.fallback.always(fails);
      const { client, sent } = openaiAt(pair.router.url);
      const failed = client.chat.completions.create({ model: 'auto', messages: ask('hi') });
      const error = (await failed.catch((caught: unknown) => caught)) as APIError;
      expect(error).toMatchObject({ status: code });
      expect(error.headers?.get('x-should-retry')).toBe('false');
      expect(sent()).toBe(1);
      const calls = pair.calls[0] + pair.calls[1];
      expect(calls).toBeLessThanOrEqual(6);
      figure('F25', `${name}: ${error.status}, ${sent()} request, ${calls} upstream calls`);
    });

    it('F25 where nothing was tried the client may come again', async () => {
      await start({ resilience: { retries: 0, breaker: { failures: 1 } } });
      pair.primary.always(status(500));
      await called(pair.router, { model: 'primary' });
      const open = await called(pair.router, { model: 'primary' });
      expect(open).toMatchObject({ status: 503 });
      expect(open.headers.has('x-should-retry')).toBe(false);
      expect(Number(open.headers.get('retry-after'))).toBeLessThanOrEqual(5); // the first probe comes after about 2 s
      expect(pair.calls[0]).toBe(1);
    });
  });
});
