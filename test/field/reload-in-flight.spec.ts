import { FailoverPair } from '../support/failover-pair.js';
import { called } from '../support/fault-row.js';
import { words } from '../support/openai-answer.js';
import type { RouterConfigInput } from '../support/router-process.js';
import { eventually, post, targetsOf } from '../support/router-calls.js';
import { inOrder, targetOn, type TargetInput } from '../support/router-targets.js';
import { answer, neverAnswer, status } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { cutAfter, pauseAfter } from '../support/upstream-twists.js';

const ANSWER = words(30);

describe('a reload while a request is on its way', () => {
  let pair: FailoverPair;
  afterEach(() => pair.close());

  const configOf = (fallback: Partial<TargetInput> | null, rest: Partial<RouterConfigInput> = {}) => {
    const primary = targetOn(pair.primary, { tier: 'cloud', timeouts: {} });
    const other = fallback && targetOn(pair.fallback, { tier: 'cloud', timeouts: {}, ...fallback });
    return inOrder(other ? [primary, other] : [primary], rest);
  };
  const slowFailure: Behaviour = () => [{ do: 'wait', ms: 200 }, { do: 'reset' }];
  beforeEach(async () => {
    const patient = { timeouts: {} }; // nobody times out, however slow this machine is
    pair = await FailoverPair.start({}, { primary: patient, fallback: patient });
    pair.fallback.always(answer(ANSWER));
  });

  it.each([
    ['removes the target it falls back to', null],
    ['changes that target', { concurrency: 7 }],
    ['points that target elsewhere', { baseUrl: 'http://127.0.0.1:9/v1' }],
  ])('F23 that %s: it ends under the old configuration', async (_, fallback) => {
    pair.primary.always(slowFailure);
    const asked = called(pair.router, { stream: true });
    await pair.primary.received();
    await pair.router.reload(configOf(fallback));
    expect(await asked).toMatchObject({ status: 200, text: ANSWER, done: true, error: null });
    expect(pair.calls[1]).toBe(1);
    await eventually('no connection is left', 5_000, async () => pair.fallback.openConnections === 0);
  });

  it('F23 that removes the target whose answer it is reading, and the one that goes on with it', async () => {
    pair.primary.always(answer(ANSWER, {}, pauseAfter(10, 150), cutAfter(20)));
    const asked = called(pair.router, { stream: true });
    await pair.primary.received();
    const third = targetOn(pair.fallback, { id: 'third', tier: 'cloud', timeouts: {} });
    await pair.router.reload(inOrder([third]));
    expect(await asked).toMatchObject({ status: 200, text: ANSWER, done: true, error: null });
    expect(await called(pair.router)).toMatchObject({ status: 200 });
    expect((await targetsOf(pair.router)).map(({ id }) => id)).toEqual(['third']);
  });

  it('F23 that removes the target in whose queue it waits', async () => {
    await pair.router.reload(configOf({ concurrency: 1 }));
    pair.fallback.script(answer(ANSWER, {}, pauseAfter(5, 300)));
    const first = called(pair.router, { stream: true, model: 'fallback' });
    await pair.fallback.received();
    const second = called(pair.router, { model: 'fallback' });
    await eventually('queued', 2_000, async () => (await targetsOf(pair.router))[1]?.queued === 1);
    await pair.router.reload(configOf(null));
    expect(await first).toMatchObject({ status: 200, text: ANSWER, error: null });
    expect(await second).toMatchObject({ status: 200, text: ANSWER, error: null });
  });

  it('F23 that removes a hedge before it is started', async () => {
    await pair.router.reload(configOf({}, { resilience: { hedgeAfterMs: 200 } }));
    pair.primary.always(neverAnswer);
    const asked = called(pair.router);
    await pair.primary.received();
    await pair.router.reload(configOf(null, { resilience: { hedgeAfterMs: 200 } }));
    expect(await asked).toMatchObject({ status: 200, text: ANSWER, model: 'fallback' });
  });

  it('F23 what meets the old target says nothing about the new one of that name', async () => {
    const resilience = { retries: 0, breaker: { failures: 1 } };
    await pair.router.reload(configOf({}, { resilience }));
    pair.primary.script(slowFailure);
    const asked = called(pair.router, { model: 'primary' });
    await pair.primary.received();
    const changed = configOf({}, { resilience });
    await pair.router.reload({
      ...changed,
      targets: changed.targets?.map((entry) => ({ ...entry, concurrency: 9 })),
    });
    expect(await asked).toMatchObject({ status: 503 });
    expect((await targetsOf(pair.router))[0]).toMatchObject({ id: 'primary', breaker: 'closed' });
  });

  it('F23 of the breaker alone closes it: a target is not shut out for ever', async () => {
    await pair.router.reload(configOf({}, { resilience: { retries: 0, breaker: { failures: 1 } } }));
    pair.primary.script(status(500));
    await called(pair.router, { model: 'primary' });
    expect((await targetsOf(pair.router))[0]).toMatchObject({ breaker: 'open' });
    await pair.router.reload(configOf({}, { resilience: { retries: 0, breaker: { failures: 2 } } }));
    expect(await called(pair.router, { model: 'primary' })).toMatchObject({ status: 200 });
    expect((await targetsOf(pair.router))[0]).toMatchObject({ breaker: 'closed' });
  });

  it('F23 a target that is drained meanwhile gets no new call', async () => {
    pair.primary.always(slowFailure);
    const asked = called(pair.router);
    await pair.primary.received();
    await post(`${pair.router.url}/admin/targets/fallback/drain`, '');
    expect(await asked).toMatchObject({ status: 503, error: { code: 'no_target_available' } });
    expect(pair.calls[1]).toBe(0);
  });
});
