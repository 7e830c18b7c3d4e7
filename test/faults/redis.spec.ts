import { setTimeout } from 'node:timers/promises';
import { figure } from '../support/figure.js';
import { Fleet } from '../support/fleet.js';
import { eventually } from '../support/router-calls.js';
import { anyOf, failuresOf, fateOf, percentile, say, SessionLoad, type LoadAnswer } from '../support/session-load.js';
import { readinessOf } from '../support/store-stack.js';

const SLOW = 90_000;
const CALLERS = 6;

describe('Redis', () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start(0);
  }, SLOW);
  afterEach(async () => {
    fleet.stack.redis.thaw();
    await fleet.stack.heal();
  });
  afterAll(() => fleet.close(), SLOW);

  it(
    'R01 down at start: starts, serves, says degraded, and is ready when Redis comes',
    async () => {
      await fleet.stack.redisProxy.set('refuse');
      await fleet.add(3, 'degraded');
      // degraded is also a replica that is still loading its SDKs; this row is about Redis alone
      await fleet.allSay('every replica has reached Cosmos', ({ checks }) => checks['cosmos']?.status === 'up');
      expect((await readinessOf(fleet.replicas[0]!)).checks['redis']).toMatchObject({ status: 'down' });
      const answers: LoadAnswer[] = [];
      for (let n = 0; n < 30; n += 1) answers.push(await say(fleet.urls[n % 3]!, `r01-${n % 5}`));
      expect(failuresOf(answers)).toEqual([]);
      expect(answers.every(({ persisted }) => persisted)).toBe(true);
      const back = performance.now();
      await fleet.stack.redisProxy.set('none');
      await fleet.allAre('ready');
      const seconds = ((performance.now() - back) / 1_000).toFixed(1);
      for (const word of ['cannot be used', 'is back']) {
        const lines = () => fleet.replicas[0]!.log.filter(({ msg }) => String(msg).startsWith(`redis ${word}`));
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
      const load = new SessionLoad('r02', CALLERS, anyOf(fleet.urls));
      await load.more(60);
      await fleet.stack.redis.kill();
      const killedAt = performance.now();
      await load.more(150);
      await fleet.stack.redis.run();
      const back = performance.now();
      await fleet.allAre('ready');
      const recovery = (performance.now() - back) / 1_000;
      await load.more(60);
      const answers = await load.stop();
      expect(failuresOf(answers)).toEqual([]);
      const during = answers.filter(({ endedAt }) => endedAt > killedAt && endedAt < back);
      const fate = await fateOf(fleet.stack, answers);
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
      const load = new SessionLoad('r03', CALLERS, anyOf(fleet.urls));
      await load.more(200);
      const healthy = load.answers.map(({ ms }) => ms);
      fleet.stack.redis.freeze();
      const frozenAt = performance.now();
      await load.more(400);
      const thawedAt = performance.now();
      fleet.stack.redis.thaw();
      await fleet.allAre('ready');
      await load.more(60);
      const answers = await load.stop();
      const during = answers.filter(({ endedAt }) => endedAt > frozenAt && endedAt < thawedAt).map(({ ms }) => ms);
      const added = (share: number) => percentile(during, share) - percentile(healthy, share);
      expect(failuresOf(answers)).toEqual([]);
      // A turn reads and appends once each, so a request of the first moments can meet the frozen server twice.
      expect(Math.max(...during)).toBeLessThan(1_000);
      // Half a deadline: without the breaker every turn waits for one or more.
      expect(added(0.5)).toBeLessThan(125);
      const fate = await fateOf(fleet.stack, answers);
      expect(fate).toMatchObject({ lost: [], doubled: 0 });
      const max = Math.max(...during).toFixed(0);
      figure(
        'R03',
        `added p50 ${added(0.5).toFixed(0)} ms, p99 ${added(0.99).toFixed(0)} ms, max ${max} ms; errors = 0`,
      );
      // What missed a turn is forgotten: every replica sees the whole conversation again.
      const [first, second] = [await say(fleet.urls[0]!, 'r03-after'), await say(fleet.urls[1]!, 'r03-after')];
      expect([first.status, second.status]).toEqual([200, 200]);
    },
    SLOW,
  );

  it.each(['allkeys-lru', 'noeviction'])(
    'R04 full, %s: sessions are intact',
    async (policy) => {
      const client = fleet.stack.redis.client();
      try {
        await client.config('SET', 'maxmemory-policy', policy);
        await client.config('SET', 'maxmemory', '2mb');
        const filler = client.pipeline();
        for (let n = 0; n < 3_000; n += 1) filler.set(`filler:${policy}:${n}`, 'x'.repeat(1_000));
        await filler.exec(); // under noeviction the last ones are refused
        const load = new SessionLoad(`r04-${policy}`, CALLERS, anyOf(fleet.urls));
        await load.more(150);
        const answers = await load.stop();
        expect(failuresOf(answers)).toEqual([]);
        expect(await fateOf(fleet.stack, answers)).toMatchObject({ lost: [], doubled: 0 });
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
      fleet.upstream.reset();
      expect(await say(fleet.urls[0]!, session)).toMatchObject({ status: 200 });
      expect(fleet.upstream.requests[0]?.body?.messages).toHaveLength(2 * turns + 1);
    }
  }
});
