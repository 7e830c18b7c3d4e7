import { setTimeout } from 'node:timers/promises';
import { figure } from '../support/figure.js';
import { eventually } from '../support/router-calls.js';
import type { RouterProcess } from '../support/router-process.js';
import { anyOf, failuresOf, fateOf, percentile, say, SessionLoad, type LoadAnswer } from '../support/session-load.js';
import { readinessOf, StoreStack } from '../support/store-stack.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 90_000;
const CALLERS = 6;

describe('Redis', () => {
  let stack: StoreStack;
  let upstream: UpstreamServer;
  let replicas: RouterProcess[] = [];
  const urls = () => replicas.map(({ url }) => url);
  const allAre = (status: string) =>
    eventually(`every replica is ${status}`, 15_000, async () =>
      (await Promise.all(replicas.map(readinessOf))).every((readiness) => readiness.status === status),
    );

  beforeAll(async () => {
    [stack, upstream] = await Promise.all([StoreStack.start(), UpstreamServer.start()]);
  }, SLOW);
  afterEach(async () => {
    stack.redis.thaw();
    await stack.heal();
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.kill()));
    await stack.close();
    await upstream.close();
  }, SLOW);

  it(
    'R01 down at start: starts, serves, says degraded, and is ready when Redis comes',
    async () => {
      await stack.redisProxy.set('refuse');
      replicas = await Promise.all([1, 2, 3].map(() => stack.replica(upstream, {}, 'degraded')));
      // degraded is also a replica that is still loading its SDKs; this row is about Redis alone
      await eventually('every replica has reached Cosmos', 15_000, async () =>
        (await Promise.all(replicas.map(readinessOf))).every(({ checks }) => checks['cosmos']?.status === 'up'),
      );
      expect((await readinessOf(replicas[0]!)).checks['redis']).toMatchObject({ status: 'down' });
      const answers: LoadAnswer[] = [];
      for (let n = 0; n < 30; n += 1) answers.push(await say(urls()[n % 3]!, `r01-${n % 5}`));
      expect(failuresOf(answers)).toEqual([]);
      expect(answers.every(({ persisted }) => persisted)).toBe(true);
      const back = performance.now();
      await stack.redisProxy.set('none');
      await allAre('ready');
      const seconds = ((performance.now() - back) / 1_000).toFixed(1);
      for (const word of ['cannot be used', 'is back']) {
        const lines = () => replicas[0]!.log.filter(({ msg }) => String(msg).startsWith(`redis ${word}`));
        await eventually(`the log says that Redis ${word}`, 2_000, () => lines().length > 0); // lines leave in batches
        expect(lines()).toHaveLength(1);
      }
      figure('R01', `5xx = 0 of ${answers.length} without Redis; ready ${seconds} s after it came`);
    },
    SLOW,
  );

  it(
    'R02 killed under load and restarted: no 5xx, conversations go on, reconnects by itself',
    async () => {
      const load = new SessionLoad('r02', CALLERS, anyOf(urls()));
      await load.more(60);
      await stack.redis.kill();
      const killedAt = performance.now();
      await load.more(150);
      await stack.redis.run();
      const back = performance.now();
      await allAre('ready');
      const recovery = (performance.now() - back) / 1_000;
      await load.more(60);
      const answers = await load.stop();
      expect(failuresOf(answers)).toEqual([]);
      const during = answers.filter(({ endedAt }) => endedAt > killedAt && endedAt < back);
      const fate = await fateOf(stack, answers);
      expect(fate).toMatchObject({ lost: [], doubled: 0 });
      const p99 = percentile(
        during.map(({ ms }) => ms),
        0.99,
      ).toFixed(0);
      figure(
        'R02',
        `errors = 0 of ${answers.length}; p99 while away ${p99} ms; recovery ${recovery.toFixed(1)} s; lost = 0`,
      );
    },
    SLOW,
  );

  it(
    'R03 frozen: 250 ms at most, then the breaker; no queue grows',
    async () => {
      const load = new SessionLoad('r03', CALLERS, anyOf(urls()));
      await load.more(200);
      const healthy = load.answers.map(({ ms }) => ms);
      stack.redis.freeze();
      const frozenAt = performance.now();
      await load.more(400);
      const thawedAt = performance.now();
      stack.redis.thaw();
      await allAre('ready');
      await load.more(60);
      const answers = await load.stop();
      const during = answers.filter(({ endedAt }) => endedAt > frozenAt && endedAt < thawedAt).map(({ ms }) => ms);
      const added = (share: number) => percentile(during, share) - percentile(healthy, share);
      expect(failuresOf(answers)).toEqual([]);
      // A turn reads and appends once each, so a request of the first moments can meet the frozen server twice.
      expect(Math.max(...during)).toBeLessThan(1_000);
      expect(added(0.5)).toBeLessThan(50);
      const fate = await fateOf(stack, answers);
      expect(fate).toMatchObject({ lost: [], doubled: 0 });
      const max = Math.max(...during).toFixed(0);
      figure(
        'R03',
        `added p50 ${added(0.5).toFixed(0)} ms, p99 ${added(0.99).toFixed(0)} ms, max ${max} ms; errors = 0`,
      );
      // What missed a turn is forgotten: every replica sees the whole conversation again.
      const [first, second] = [await say(urls()[0]!, 'r03-after'), await say(urls()[1]!, 'r03-after')];
      expect([first.status, second.status]).toEqual([200, 200]);
    },
    SLOW,
  );

  it.each(['allkeys-lru', 'noeviction'])(
    'R04 full, %s: sessions are intact',
    async (policy) => {
      const client = stack.redis.client();
      try {
        await client.config('SET', 'maxmemory-policy', policy);
        await client.config('SET', 'maxmemory', '2mb');
        const filler = client.pipeline();
        for (let n = 0; n < 3_000; n += 1) filler.set(`filler:${policy}:${n}`, 'x'.repeat(1_000));
        await filler.exec(); // under noeviction the last ones are refused
        const load = new SessionLoad(`r04-${policy}`, CALLERS, anyOf(urls()));
        await load.more(150);
        const answers = await load.stop();
        expect(failuresOf(answers)).toEqual([]);
        expect(await fateOf(stack, answers)).toMatchObject({ lost: [], doubled: 0 });
        await expectWholeConversations(answers);
        figure('R04', `${policy}: lost = 0 of ${answers.length}; every conversation whole`);
      } finally {
        await client.config('SET', 'maxmemory', '0');
        await client.flushall();
        client.disconnect();
        await setTimeout(0);
      }
    },
    SLOW,
  );

  /** One more turn sends everything that was said before to the model. */
  async function expectWholeConversations(answers: readonly LoadAnswer[]): Promise<void> {
    const counts = new Map<string, number>();
    for (const { session } of answers) counts.set(session, (counts.get(session) ?? 0) + 1);
    for (const [session, turns] of [...counts].slice(0, 10)) {
      upstream.reset();
      expect(await say(urls()[0]!, session)).toMatchObject({ status: 200 });
      expect(upstream.requests[0]?.body?.messages).toHaveLength(2 * turns + 1);
    }
  }
});
