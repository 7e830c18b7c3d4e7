import { FailoverPair } from '../support/failover-pair.js';
import { called, figure, gapsOf, seconds } from '../support/fault-row.js';
import { words } from '../support/openai-answer.js';
import { chat, eventually, targetsOf } from '../support/router-calls.js';
import { answer, events, neverAnswer, rateLimited, status } from '../support/upstream-behaviours.js';

const FORMS = [{ stream: true }, { stream: false }];
const ANSWER = words(30);
const DONE = 'data: [DONE]\n\n';
const chunk = (content: string) => ({
  id: 'x',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'primary',
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
});

describe('a request that has to wait', () => {
  let pair: FailoverPair;
  const start: typeof FailoverPair.start = async (changes, { primary, fallback } = {}) => {
    const patient = { timeouts: {} };
    pair = await FailoverPair.start(changes, {
      primary: { ...patient, ...primary },
      fallback: { ...patient, ...fallback },
    });
    return pair;
  };
  afterEach(() => pair.close());
  /** One request to one target, given up once the server has said how long it is to be left alone. */
  const restsNow = async (which: 'primary' | 'fallback', retryAfter: number): Promise<void> => {
    const leaving = new AbortController();
    pair[which].script(rateLimited(retryAfter));
    const given = fetch(`${pair.router.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: which, messages: [{ role: 'user', content: 'hi' }] }),
      signal: leaving.signal,
    }).catch(() => null);
    await eventually('the server has answered', 5_000, async () => {
      const target = (await targetsOf(pair.router)).find(({ id }) => id === which);
      return (target?.['last_error'] as { status?: number } | null)?.status === 429;
    });
    leaving.abort();
    await given;
  };

  it.each(FORMS)('F57 takes the target that has rested first, stream $stream', async (form) => {
    await start();
    await restsNow('primary', 2);
    pair.fallback.always(rateLimited(30));
    pair.primary.always(answer(ANSWER));
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 200, text: ANSWER, model: 'primary' });
    expect(got.ms).toBeLessThan(10_000);
    expect(pair.calls).toEqual([2, 1]);
    figure('F57', `429 for 30 s while the other rests 2 s: that one's answer after ${seconds(got.ms)}`);
  });

  it.each(FORMS)('F57 a target that fails may be well before another has rested, stream $stream', async (form) => {
    await start({ resilience: { retries: 0, deadlineMs: 5_000 } });
    pair.primary.always(status(500));
    pair.fallback.always(rateLimited(60));
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 503, error: { code: 'no_target_available' } });
    expect(Number(got.headers.get('retry-after'))).toBeLessThanOrEqual(5);
  });

  it('F69 finds the target that comes back while the others rest', async () => {
    await start({ resilience: { retries: 0, breaker: { failures: 1 } } });
    pair.primary.script(status(503)).always(answer(ANSWER));
    await called(pair.router, { model: 'primary' });
    await restsNow('fallback', 40);
    const all = await Promise.all(Array.from({ length: 20 }, () => called(pair.router)));
    for (const got of all) expect(got).toMatchObject({ status: 200, text: ANSWER, model: 'primary' });
    const longest = Math.max(...all.map(({ ms }) => ms));
    expect(longest).toBeLessThan(20_000);
    figure('F69', `20 callers, one target open for 2 s, the other rests 40 s: all answered within ${seconds(longest)}`);
  });

  it('F71 429 in the middle of an answer is a rest like any other', async () => {
    await start();
    const broken = events(
      chunk('The first words of an answer'),
      { error: { code: 429, message: 'slow down', retry_after: 1 } },
      DONE,
    );
    pair.primary.script(broken).always(answer('The first words of an answer and the rest of it.'));
    const got = await called(pair.router, { stream: true, model: 'primary' });
    expect(got).toMatchObject({ text: 'The first words of an answer and the rest of it.', done: true, error: null });
    expect(gapsOf(pair.primary.requests)[0]).toBeGreaterThanOrEqual(990);
  });

  it('F71 ... and holds for everybody', async () => {
    await start();
    pair.primary.always(events(chunk('one'), { error: { code: 429, message: 'slow down', retry_after: 30 } }, DONE));
    await (await chat(pair.router, { stream: true })).text();
    for (let i = 0; i < 5; i += 1) expect(await called(pair.router)).toMatchObject({ model: 'fallback' });
    expect(pair.calls[0]).toBe(1);
  });

  describe('whose limit ended a call', () => {
    const limits = (ms: number) => ({ timeouts: { firstTokenMs: ms, plainMs: ms } });
    const late = (ms: number) => answer(ANSWER, {}, (steps) => [{ do: 'wait', ms }, ...steps]);
    const breakers = async () =>
      Object.fromEntries((await targetsOf(pair.router)).map(({ id, breaker }) => [id, breaker]));
    const impatient = (deadlineMs: number) => ({ retries: 0, deadlineMs, breaker: { failures: 1 } });

    it.each(FORMS)('what other tries used up is not held against a target, stream $stream', async (form) => {
      await start({ resilience: impatient(900) }, { primary: limits(500), fallback: limits(900) });
      pair.primary.always(neverAnswer);
      pair.fallback.always(neverAnswer);
      const got = await called(pair.router, form);
      expect(got).toMatchObject({ status: 504, error: { code: 'upstream_timeout' } });
      expect(got.headers.get('x-should-retry')).toBe('false');
      expect(await breakers()).toEqual({ primary: 'open', fallback: 'closed' });
      const [, spared] = await targetsOf(pair.router);
      expect(spared).toMatchObject({ id: 'fallback', last_error: null });
    });

    it.each(FORMS)('a target that had most of the time is to blame, stream $stream', async (form) => {
      await start({ resilience: impatient(900) }, { primary: limits(900), fallback: limits(900) });
      pair.primary.always(status(500));
      pair.fallback.always(neverAnswer);
      expect(await called(pair.router, form)).toMatchObject({ status: 503 });
      expect(await breakers()).toEqual({ primary: 'open', fallback: 'open' });
    });

    it('one that began beside another does not end it', async () => {
      const resilience = { ...impatient(800), hedgeAfterMs: 500 };
      await start({ resilience }, { primary: limits(3_000), fallback: limits(700) });
      pair.primary.always(late(1_500));
      pair.fallback.always(neverAnswer);
      expect(await called(pair.router, { stream: false })).toMatchObject({ status: 200, model: 'primary' });
      expect(await breakers()).toEqual({ primary: 'closed', fallback: 'closed' });
    });

    it.each(FORMS)('time in a queue is time of the request, and nobody is to blame, stream $stream', async (form) => {
      const busy = { concurrency: 1, ...limits(1_100) };
      await start({ resilience: impatient(1_200) }, { primary: busy });
      pair.primary.always(late(800));
      const got = await Promise.all([1, 2].map(() => called(pair.router, { ...form, model: 'primary' })));
      expect(got.map((each) => each.status).sort()).toEqual([200, 504]);
      expect(Math.max(...got.map(({ ms }) => ms))).toBeLessThan(1_550);
      expect((await breakers())['primary']).toBe('closed');
    });
  });
});
