import { setTimeout as delay } from 'node:timers/promises';
import { WarmthWatch } from '../../src/modules/models/warmth-watch.js';
import { words } from '../support/openai-answer.js';
import { FailoverPair, SCALED } from '../support/failover-pair.js';
import { called, figure, seconds } from '../support/fault-row.js';
import { eventually, targetsOf } from '../support/router-calls.js';
import { answer, neverAnswer, status, twisted } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { paced, slowFirstToken } from '../support/upstream-twists.js';

const ANSWER = words(12);

describe('outages, slow targets and cold models', () => {
  let pair: FailoverPair;
  const start = async (...args: Parameters<typeof FailoverPair.start>) => {
    pair = await FailoverPair.start(...args);
    pair.primary.always(answer(ANSWER));
    pair.fallback.always(answer(ANSWER));
  };
  afterEach(() => pair.close());

  const stateOf = async (id: string) => (await targetsOf(pair.router)).find((target) => target.id === id);

  it('U15 an outage: served by the fallback, few probes, back on the primary after it recovered', async () => {
    // 60 s and a request every 4 s, 10 times as fast
    await start({ resilience: { breaker: { failures: 5, resetSeconds: 6 } } });
    pair.primary.always(status(503));
    const outageEnds = performance.now() + 6_000;
    let served = 0;
    let recoveredAt = 0;
    for (let request = 0; recoveredAt === 0 && request < 100; request += 1) {
      if (performance.now() > outageEnds) pair.primary.always(answer(ANSWER));
      const got = await called(pair.router, { stream: request % 2 === 0 });
      expect(got).toMatchObject({ status: 200, text: ANSWER, error: null });
      served += 1;
      if (got.model === 'primary') recoveredAt = performance.now();
      else await delay(400);
    }
    const failed = pair.primary.requests.length - 1;
    expect(failed).toBeLessThanOrEqual(8);
    expect(recoveredAt - outageEnds).toBeLessThan(3_000);
    expect(await stateOf('primary')).toMatchObject({ breaker: 'closed' });
    figure(
      'U15',
      `${served} of ${served} served, ${failed} calls met the outage, back ${seconds(Math.max(0, recoveredAt - outageEnds))} after the recovery (time x 10)`,
    );
  });

  it('U15 the open breaker is visible: in /admin/targets, in the metrics and in the decision', async () => {
    await start();
    pair.primary.always(status(503));
    await called(pair.router);
    await called(pair.router);
    expect(await stateOf('primary')).toMatchObject({
      breaker: 'open',
      last_error: { outcome: 'server_error', status: 503 },
    });
    const metrics = await (await fetch(`${pair.router.url}/metrics`)).text();
    expect(metrics).toContain('router_breaker_state{target="primary"} 2');
    const route = await fetch(`${pair.router.url}/v1/route`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'hi' }),
    });
    expect(await route.json()).toMatchObject({
      target: 'fallback',
      excluded: [{ target: 'primary', why: 'breaker_open' }],
    });
  });

  it('U15 half open: one probe at a time, and a failing one opens it again', async () => {
    await start({ resilience: { retries: 0, breaker: { failures: 2, resetSeconds: 1 } } });
    pair.primary.always(status(503));
    await called(pair.router);
    await called(pair.router);
    await eventually('half open', 2_000, async () => (await stateOf('primary'))?.breaker === 'half_open');
    const before = pair.primary.requests.length;
    await Promise.all(Array.from({ length: 10 }, () => called(pair.router)));
    expect(pair.primary.requests.length - before).toBe(1);
    expect(await stateOf('primary')).toMatchObject({ breaker: 'open' });
  });

  it('U15 4xx answers and callers who leave open nothing', async () => {
    await start({ resilience: { retries: 0, breaker: { failures: 2 } } });
    pair.primary.always(status(400));
    for (let i = 0; i < 4; i += 1) await called(pair.router);
    pair.primary.always(neverAnswer);
    for (let i = 0; i < 4; i += 1) {
      const controller = new AbortController();
      const request = fetch(`${pair.router.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] }),
        signal: controller.signal,
      });
      await pair.primary.received(4 + i);
      controller.abort();
      await expect(request).rejects.toThrow();
      await pair.primary.ended(4 + i);
    }
    expect(await stateOf('primary')).toMatchObject({ breaker: 'closed' });
  });

  it('U21 a cold local model may take its load time, is cold meanwhile and warm afterwards', async () => {
    const timeouts = { ...SCALED, firstTokenMs: 300, loadMs: 5_000 };
    await start({}, { primary: { tier: 'local', timeouts } });
    pair.primary.script(answer(ANSWER, {}, slowFirstToken(1_200, 'headers')));
    const answering = called(pair.router, { stream: true, model: 'primary' });
    await eventually('cold', 1_000, async () => (await stateOf('primary'))?.['warm'] === false);
    const got = await answering;
    expect(got).toMatchObject({ status: 200, text: ANSWER, done: true, error: null });
    expect(pair.primary.requests).toHaveLength(1);
    expect(await stateOf('primary')).toMatchObject({ warm: true, error_rate: 0 });
    figure('U21', `first token after 1.2 s against a limit of 0.3 s: answered by it in ${seconds(got.ms)}, then warm`);
  });

  it('U21 with an alternative the caller does not wait, and the model goes on loading', async () => {
    const timeouts = { ...SCALED, firstTokenMs: 300, loadMs: 5_000 };
    await start({}, { primary: { tier: 'local', timeouts } });
    pair.primary.script(answer(ANSWER, {}, slowFirstToken(1_000, 'headers')));
    const got = await called(pair.router, { stream: true });
    expect(got).toMatchObject({ text: ANSWER, model: 'fallback', done: true });
    expect(got.ms).toBeLessThan(900);
    expect(await stateOf('primary')).toMatchObject({ warm: false });
    await eventually('warm', 2_000, async () => (await stateOf('primary'))?.['warm'] === true);
    await pair.primary.idle();
    expect(await called(pair.router, { stream: true })).toMatchObject({ model: 'primary', done: true });
    figure('U21', `with an alternative: answered in ${seconds(got.ms)}, the model warm for the next caller`);
  });

  it('U21 what the server tells is believed: cold is passed over for a warm one, warm is used', async () => {
    const ps = (...names: string[]) => status(200, { models: names.map((name) => ({ name, model: name })) });
    pair = await FailoverPair.start({}, { primary: { tier: 'local' }, fallback: { tier: 'local' } });
    pair.primary.respondTo('/api/ps', ps());
    pair.fallback.respondTo('/api/ps', ps('other:7b', 'fallback:latest'));
    const watch = pair.router.app.get(WarmthWatch);
    await watch.look(new AbortController().signal);
    expect(await stateOf('primary')).toMatchObject({ warm: false });
    expect(await stateOf('fallback')).toMatchObject({ warm: true });
    pair.primary.respondTo('/api/ps', ps('primary:latest'));
    await watch.look(new AbortController().signal);
    expect(await stateOf('primary')).toMatchObject({ warm: true });
  });

  it('U21 prewarm: the model is loaded before anybody asks', async () => {
    await start({}, { primary: { tier: 'local', prewarm: true } });
    await eventually('warm', 2_000, async () => (await stateOf('primary'))?.['warm'] === true);
    expect(pair.primary.requests).toMatchObject([{ body: { max_tokens: 1 } }]);
    expect(pair.fallback.requests).toEqual([]);
  });

  it('U22 everything fails, 500 callers: 503, jittered Retry-After, few upstream calls', async () => {
    const many = { concurrency: 5_000, timeouts: {} }; // nobody times out, however slow this machine is
    await start({}, { primary: many, fallback: many });
    pair.primary.always(slowly(status(503)));
    pair.fallback.always(slowly(status(500)));
    const all = await Promise.all(Array.from({ length: 500 }, (_, i) => called(pair.router, { stream: i % 2 === 0 })));
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([503]));
    const waits = new Set(all.map(({ headers }) => Number(headers.get('retry-after'))));
    expect([...waits].every((wait) => wait >= 1)).toBe(true);
    expect(waits.size).toBeGreaterThan(1);
    const perRequest = (pair.calls[0] + pair.calls[1]) / 500;
    expect(perRequest).toBeLessThanOrEqual(1.2);
    figure(
      'U22',
      `500 x 503, Retry-After ${Math.min(...waits)} to ${Math.max(...waits)} s, ${perRequest.toFixed(2)} upstream calls a request`,
    );
  });

  it.each([true, false])('U23 a slow target is hedged, the loser cancelled, stream %s', async (stream) => {
    await start({ resilience: { hedgeAfterMs: 100 } });
    pair.primary.always(answer(ANSWER, {}, slowFirstToken(3_000, 'headers')));
    const got = await called(pair.router, { stream });
    expect(got).toMatchObject({ status: 200, text: ANSWER, model: 'fallback', error: null });
    expect(got.ms).toBeLessThan(1_000);
    expect(await pair.primary.ended(0, 1_000)).toMatchObject({ ending: 'aborted' });
    expect(pair.calls).toEqual([1, 1]);
    expect(got.usage?.completion_tokens).toBe(12);
    const metrics = await (await fetch(`${pair.router.url}/metrics`)).text();
    expect(metrics).toContain('router_attempts_total{target="primary",outcome="aborted"} 1');
    expect(metrics).toMatch(/type="completion"\} 12$/m);
    figure('U23', `hedged after 0.10 s: answer after ${seconds(got.ms)}, loser cancelled, winner's tokens counted`);
  });

  it('U23 a target that begins in time is not hedged', async () => {
    await start({ resilience: { hedgeAfterMs: 300 } });
    pair.primary.always(answer(ANSWER, {}, paced(60)));
    expect(await called(pair.router, { stream: true })).toMatchObject({ model: 'primary', done: true });
    expect(pair.calls).toEqual([1, 0]);
  });
});

/** All callers are under way before the first failure is known. */
const slowly = (behaviour: Behaviour): Behaviour => twisted(behaviour, (steps) => [{ do: 'wait', ms: 300 }, ...steps]);
