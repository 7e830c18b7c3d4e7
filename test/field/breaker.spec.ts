import { setTimeout as delay } from 'node:timers/promises';
import { FailoverPair } from '../support/failover-pair.js';
import { called, figure, gapsOf, seconds } from '../support/fault-row.js';
import { RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { eventually, targetsOf } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer, errorBody, rateLimited, status } from '../support/upstream-behaviours.js';

const LOADING = status(503, { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } });
const patient = { timeouts: {} }; // nobody times out, however slow this machine is

describe('loading is not failing', () => {
  let pair: FailoverPair;
  afterEach(() => pair.close());

  const stateOf = async (id: string) => (await targetsOf(pair.router)).find((target) => target.id === id);

  it.each([true, false])('F48 four callers wait for a model that is being loaded, stream %s', async (stream) => {
    pair = await FailoverPair.start({}, { primary: { ...patient, tier: 'local' } });
    pair.primary.always(LOADING);
    const asked = Promise.all(Array.from({ length: 4 }, () => called(pair.router, { stream, model: 'primary' })));
    await eventually('several questions', 10_000, async () => pair.primary.requests.length >= 6);
    expect(await stateOf('primary')).toMatchObject({ breaker: 'closed', warm: false, error_rate: 0 });
    pair.primary.always(answer('loaded'));
    const loadedAt = performance.now();
    const all = await asked;
    expect(all.map(({ status: code, text }) => `${code} ${text}`)).toEqual(
      Array.from({ length: 4 }, () => '200 loaded'),
    );
    expect(await stateOf('primary')).toMatchObject({ breaker: 'closed', warm: true, error_rate: 0 });
    const metrics = await (await fetch(`${pair.router.url}/metrics`)).text();
    expect(metrics).toMatch(/router_attempts_total\{target="primary",outcome="loading"\} \d+/);
    figure('F48', `four callers answered ${seconds(performance.now() - loadedAt)} after it was loaded, breaker closed`);
  });

  it('F48 for longer than loadMs: 503 that says when to come back, and the breaker stays closed', async () => {
    pair = await FailoverPair.start({}, { primary: { tier: 'local', timeouts: { loadMs: 800 } } });
    pair.primary.always(LOADING);
    const got = await called(pair.router, { model: 'primary' });
    expect(got).toMatchObject({ status: 503, error: { code: 'no_target_available' } });
    expect(got.headers.has('x-should-retry')).toBe(false);
    expect(pair.primary.requests.length).toBeLessThanOrEqual(4); // growing gaps
    expect(await stateOf('primary')).toMatchObject({ breaker: 'closed' });
  });

  it.each([
    ['llama.cpp', LOADING],
    ['Ollama', status(500, errorBody('unexpected server status: llm server loading model', 'api_error'))],
    ['Hugging Face', status(503, { error: 'Model org/model-7b is currently loading', estimated_time: 20 })],
    ['SGLang', status(503, { error: { message: 'The server is still warming up', code: 503 } })],
  ])('F48 a warm alternative is taken at once: words of %s', async (_, loading) => {
    pair = await FailoverPair.start({}, { primary: { ...patient, tier: 'local' }, fallback: patient });
    pair.primary.always(loading);
    for (let i = 0; i < 6; i += 1) expect(await called(pair.router)).toMatchObject({ model: 'fallback' });
    expect(pair.primary.requests.length).toBeLessThanOrEqual(6);
    expect(await stateOf('primary')).toMatchObject({ breaker: 'closed', warm: false });
  });

  it('F48 a model that cannot be loaded is a failure', async () => {
    pair = await FailoverPair.start({ resilience: { retries: 0, breaker: { failures: 1 } } }, { primary: patient });
    pair.primary.always(status(500, errorBody('Error loading model: out of memory', 'server_error')));
    await called(pair.router, { model: 'primary' });
    expect(await stateOf('primary')).toMatchObject({ breaker: 'open' });
  });
});

describe('probes', () => {
  let pair: FailoverPair;
  afterEach(() => pair.close());

  it('F69 come early and grow; a short outage costs seconds', async () => {
    // the default reset time of 60 s: 2, 4, ... s between probes
    pair = await FailoverPair.start({ resilience: { retries: 0, breaker: { failures: 1 } } }, { primary: patient });
    pair.primary.always(status(503));
    const until = performance.now() + 5_000;
    for (; performance.now() < until; await delay(100)) {
      expect(await called(pair.router)).toMatchObject({ status: 200, model: 'fallback' });
    }
    pair.primary.always(answer('well again'));
    const endedAt = performance.now();
    await eventually('back on the primary', 10_000, async () => {
      await delay(50);
      return (await called(pair.router)).model === 'primary';
    });
    const [first = 0, second = 0] = gapsOf(pair.primary.requests);
    expect(first).toBeGreaterThanOrEqual(1_990);
    expect(second).toBeGreaterThan(first);
    figure(
      'F69',
      `probes after ${seconds(first)} and ${seconds(second)}; back ${seconds(performance.now() - endedAt)} after an outage of 5 s`,
    );
  });
});

describe('several replicas', () => {
  let redis: RedisServer;
  let pair: FailoverPair;
  let others: RouterApp[] = [];
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  const start = async (resilience: Record<string, unknown>) => {
    const shared = { redis: { url: redis.url }, resilience };
    pair = await FailoverPair.start(shared, { primary: patient, fallback: patient });
    const targets = [pair.primary, pair.fallback].map((server) => targetOn(server, { tier: 'cloud', timeouts: {} }));
    others = await Promise.all([1, 2].map(() => startRouter(inOrder(targets, shared))));
    await eventually('Redis is connected', 10_000, async () => {
      const checks = await Promise.all(all().map(async ({ url }) => (await fetch(`${url}/ready`)).text()));
      return checks.every((text) => /"redis":\{"status":"up"/.test(text));
    });
  };
  afterEach(async () => {
    for (const other of others) await other.close();
    await pair.close();
  });
  afterAll(() => redis.close());

  const all = () => [pair.router, ...others];
  const statesOf = async () => {
    const states = await Promise.all(all().map((router) => targetsOf(router)));
    return new Set(states.map((targets) => targets[0]?.breaker));
  };
  it('F69 one replica probes at a time, and what it finds holds for all', async () => {
    await start({ retries: 0, breaker: { failures: 1, resetSeconds: 6 } });
    pair.primary.always(status(503));
    await called(pair.router);
    await eventually('known to all', 8_000, async () => {
      await delay(20);
      return !(await statesOf()).has('closed'); // open, or waiting for a probe
    });
    const until = performance.now() + 5_000;
    while (performance.now() < until) {
      await Promise.all(all().map((router) => called(router)));
      await delay(20);
    }
    const probes = pair.primary.requests.length - 1;
    expect(probes).toBeGreaterThanOrEqual(1);
    expect(probes).toBeLessThanOrEqual(3); // one alone would make as many in this time
    expect(Math.min(...gapsOf(pair.primary.requests))).toBeGreaterThanOrEqual(1_800);
    pair.primary.always(answer('well again'));
    await eventually('closed at all', 10_000, async () => {
      await delay(20);
      await Promise.all(all().map((router) => called(router)));
      return [...(await statesOf())].join() === 'closed';
    });
    figure('F69', `three replicas under load: ${probes} probes in 5 s, closed at all after one success`);
  });

  it('F71 what a target asked one replica for holds for all', async () => {
    await start({});
    pair.primary.always(rateLimited(30));
    expect(await called(pair.router)).toMatchObject({ model: 'fallback' });
    await delay(1_500); // they look once a second
    for (let i = 0; i < 10; i += 1) {
      await Promise.all(all().map((router) => called(router)));
    }
    expect(pair.primary.requests).toHaveLength(1);
    figure('F71', `three replicas, 31 requests, 429 for 30 s: ${pair.primary.requests.length} call there`);
  });
});
