import { FailoverPair } from '../support/failover-pair.js';
import { called, figure, gapsOf, seconds } from '../support/fault-row.js';
import { words } from '../support/openai-answer.js';
import { answer, rateLimited, status, wrongKey } from '../support/upstream-behaviours.js';

const FORMS = [{ stream: true }, { stream: false }];
const ANSWER = words(30);

describe('a target that asks for rest', () => {
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

  it.each(FORMS)('F57 Retry-After is when the first of them can answer, stream $stream', async (form) => {
    await start({ resilience: { retries: 0, deadlineMs: 2_000 } });
    pair.primary.always(rateLimited(30));
    pair.fallback.always(rateLimited(5));
    for (const round of [1, 2]) {
      const got = await called(pair.router, form);
      expect(got).toMatchObject({ status: 503, error: { code: 'no_target_available' } });
      const wait = Number(got.headers.get('retry-after'));
      expect(wait).toBeGreaterThanOrEqual(round === 1 ? 5 : 4);
      expect(wait).toBeLessThanOrEqual(7);
      expect(got.headers.has('x-should-retry')).toBe(false);
      if (round === 1) figure('F57', `429 for 30 s and for 5 s: Retry-After ${wait}`);
    }
    expect(pair.calls).toEqual([1, 1]); // the second request knew
  });

  it.each(FORMS)('F68 for 2 s is waited for although another is left, stream $stream', async (form) => {
    await start();
    pair.primary.script(rateLimited(2)).always(answer(ANSWER));
    const got = await called(pair.router, form);
    expect(got).toMatchObject({ status: 200, text: ANSWER, model: 'primary', error: null });
    expect(pair.calls).toEqual([2, 0]);
    expect(gapsOf(pair.primary.requests)[0]).toBeGreaterThanOrEqual(2_000);
    figure('F68', `429 for 2 s: the same target after ${seconds(got.ms)}`);
  });

  it('F68 that costs the caller more than 5 s, at once or by and by, or does not fit the deadline: the other', async () => {
    await start();
    pair.primary.always(rateLimited(6));
    const got = await called(pair.router);
    expect(got).toMatchObject({ status: 200, model: 'fallback' });
    expect(pair.calls).toEqual([1, 1]);
    await pair.close();
    await start({ resilience: { deadlineMs: 1_000 } });
    pair.primary.always(rateLimited(2));
    expect(await called(pair.router, { stream: true })).toMatchObject({ status: 200, model: 'fallback' });
    expect(pair.calls).toEqual([1, 1]);
  });

  it('F71 rests until then for everybody, others are asked meanwhile', async () => {
    await start();
    pair.primary.always(rateLimited(30));
    for (let i = 0; i < 20; i += 1) {
      expect(await called(pair.router, { stream: i % 2 === 0 })).toMatchObject({ status: 200, model: 'fallback' });
    }
    expect(pair.calls).toEqual([1, 20]);
    figure('F71', `20 requests, 429 for 30 s: ${pair.calls[0]} call there`);
  });

  it('F71 also with a 503 that says when to come back', async () => {
    await start();
    pair.primary.always(status(503, undefined, { 'retry-after': '30' }));
    for (let i = 0; i < 5; i += 1) expect(await called(pair.router)).toMatchObject({ model: 'fallback' });
    expect(pair.calls).toEqual([1, 5]);
  });

  it('F71 alone: those who come meanwhile wait for it rather than fail', async () => {
    await start();
    pair.primary.script(rateLimited(1)).always(answer(ANSWER));
    const alone = { model: 'primary' };
    const first = called(pair.router, alone);
    await pair.primary.received();
    const all = await Promise.all([first, ...Array.from({ length: 9 }, () => called(pair.router, alone))]);
    expect(all.map(({ status: code }) => code)).toEqual(Array.from({ length: 10 }, () => 200));
    const [asked, ...later] = pair.primary.requests.map(({ at }) => at);
    expect(Math.min(...later) - (asked ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  it('F71 without a time: from half a second on, longer each time, remembered between requests', async () => {
    await start();
    pair.primary.always(rateLimited());
    const end = performance.now() + 4_000;
    let requests = 0;
    for (; performance.now() < end; requests += 1) {
      expect(await called(pair.router)).toMatchObject({ status: 200, model: 'fallback' });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const gaps = gapsOf(pair.primary.requests);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(370);
    expect(pair.calls[0]).toBeLessThanOrEqual(5);
    figure(
      'F71',
      `no time given: ${pair.calls[0]} calls in 4 s for ${requests} requests, first gap ${seconds(gaps[0]!)}`,
    );
  });

  it('F71 a target that refuses our key over and over is asked after the others', async () => {
    await start({ resilience: { breaker: { failures: 3 } } });
    pair.primary.always(wrongKey);
    for (let i = 0; i < 10; i += 1) expect(await called(pair.router)).toMatchObject({ model: 'fallback' });
    expect(pair.calls).toEqual([3, 10]);
    expect(await called(pair.router, { model: 'primary' })).toMatchObject({ error: { code: 'upstream_auth' } });
  });
});
