import { RedisBreakerStore } from '../../src/modules/resilience/adapters/redis.breaker-store.js';
import { FailoverPair, SCALED } from '../support/failover-pair.js';
import { called, figure, seconds } from '../support/fault-row.js';
import { connectedTo, RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { eventually, targetsOf } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer, status } from '../support/upstream-behaviours.js';

describe('breakers of several replicas', () => {
  let redis: RedisServer;
  let pair: FailoverPair;
  let other: RouterApp;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  beforeEach(async () => {
    const shared = { redis: { url: redis.url }, resilience: { breaker: { failures: 5, resetSeconds: 3 } } };
    pair = await FailoverPair.start(shared);
    const targets = [pair.primary, pair.fallback].map((server) =>
      targetOn(server, { tier: 'cloud', timeouts: SCALED }),
    );
    other = await startRouter(inOrder(targets, shared));
    pair.fallback.always(answer('from the fallback'));
  });
  afterEach(async () => {
    await other.close();
    await pair.close();
  });
  afterAll(() => redis.close());

  const stateAt = async (router: Pick<RouterApp, 'url'>) =>
    (await targetsOf(router)).find(({ id }) => id === 'primary')?.breaker;

  it('U15 what one replica found out, the other need not: open for both, closed for both', async () => {
    pair.primary.always(status(503));
    await called(pair.router);
    await called(pair.router);
    expect(await stateAt(pair.router)).toBe('open');
    const openedAt = performance.now();
    const before = pair.primary.requests.length;
    await eventually('open at the other replica', 3_000, async () => (await stateAt(other)) === 'open');
    const told = performance.now() - openedAt;
    expect(await called(other)).toMatchObject({ status: 200, text: 'from the fallback' });
    expect(pair.primary.requests).toHaveLength(before);

    pair.primary.always(answer('well again'));
    await eventually('probing', 5_000, async () => (await stateAt(pair.router)) === 'half_open');
    expect(await called(pair.router)).toMatchObject({ text: 'well again' });
    await eventually('closed at the other replica', 5_000, async () => {
      await called(other); // it may be half open itself by now
      return (await stateAt(other)) === 'closed';
    });
    figure('U15', `two replicas: the second knew after ${seconds(told)} and made no call of its own`);
  });

  it('U15 who opened it probes when its own wait is over, though Redis was told late', async () => {
    const connection = await connectedTo(redis);
    const store = new RedisBreakerStore(connection);
    await store.postOpen('late', 90, 1);
    expect((await store.read(['late'])).get('late')?.breaker).toBeNull();
    const mine = await store.claimProbe('late');
    expect(mine).toEqual({ waitMs: 0, lease: expect.any(String) });
    expect(await store.claimProbe('late')).toEqual({ waitMs: null, lease: null });
    await store.releaseProbe('late', 'another'); // which has no lease
    expect(await store.claimProbe('late')).toEqual({ waitMs: null, lease: null });
    await store.releaseProbe('late', mine.lease!);
    expect(await store.claimProbe('late')).toMatchObject({ waitMs: 0 });
    await store.postOpen('in time', 60_000, 1);
    expect((await store.claimProbe('in time')).waitMs).toBeGreaterThan(30_000);
    await connection.close();
  });

  it('U15 without Redis every replica has its own breaker', async () => {
    await redis.kill();
    try {
      pair.primary.always(status(503));
      for (const router of [pair.router, other]) {
        for (let i = 0; i < 3; i += 1) expect(await called(router)).toMatchObject({ text: 'from the fallback' });
        expect(await stateAt(router)).toBe('open');
      }
    } finally {
      await redis.run();
    }
  });
});
