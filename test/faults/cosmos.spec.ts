import { figure } from '../support/figure.js';
import type { HttpFault } from '../support/http-fault-proxy.js';
import { Fleet } from '../support/fleet.js';
import { eventually, post } from '../support/router-calls.js';
import { anyOf, failuresOf, fateOf, say, SessionLoad, type LoadAnswer } from '../support/session-load.js';
import { readinessOf } from '../support/store-stack.js';

const SLOW = 90_000;
const CALLERS = 6;
const throttled = (retryAfterMs: number): HttpFault => ({
  status: 429,
  headers: { 'x-ms-retry-after-ms': String(retryAfterMs), 'x-ms-substatus': '3200' },
});

describe('Cosmos DB', () => {
  let fleet: Fleet;
  const outboxDepth = async () => {
    const client = fleet.stack.redis.client();
    try {
      return await client.xlen('{outbox}:turns');
    } finally {
      client.disconnect();
    }
  };

  beforeAll(async () => {
    fleet = await Fleet.start();
  }, SLOW);
  afterEach(async () => {
    await fleet.stack.heal();
    await fleet.allAre('ready');
  }, SLOW);
  afterAll(() => fleet.close(), SLOW);

  it(
    'R05 429 with a retry-after that fits: waits that long and stores, without the outbox',
    async () => {
      for (const url of fleet.urls) await say(url, 'r05-fits'); // the first query of a process asks for its plan too
      const seen: number[] = [];
      fleet.stack.cosmosProxy.set((request) => {
        if (request.method !== 'POST' || request.headers['x-ms-documentdb-isquery']) return 'pass';
        seen.push(performance.now());
        return seen.length % 2 === 1 ? throttled(80) : 'pass'; // every write is refused once
      });
      const answers: LoadAnswer[] = [];
      for (let n = 0; n < 10; n += 1) answers.push(await say(fleet.urls[n % 3]!, 'r05-fits'));
      expect(answers.every(({ persisted }) => persisted)).toBe(true);
      expect(seen).toHaveLength(20);
      const waits = seen.flatMap((at, i) => (i % 2 === 1 ? [at - seen[i - 1]!] : []));
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(79);
      expect(await outboxDepth()).toBe(0);
      figure('R05', `retry-after 80 ms: waited ${Math.min(...waits).toFixed(0)} ms or more, 10 of 10 stored at once`);
    },
    SLOW,
  );

  it(
    'R05 429 for ever with a long retry-after: the outbox takes the rest and drains',
    async () => {
      const load = new SessionLoad('r05', CALLERS, anyOf(fleet.urls));
      await load.more(60);
      fleet.stack.cosmosProxy.set(throttled(5_000));
      await load.more(120);
      const waiting = await outboxDepth();
      const answers = await load.stop();
      expect(waiting).toBeGreaterThan(0);
      expect(failuresOf(answers)).toEqual([]);
      expect(answers.every(({ persisted }) => persisted)).toBe(true);
      fleet.stack.cosmosProxy.heal();
      const fate = await fateOf(fleet.stack, answers);
      expect(fate).toMatchObject({ lost: [], doubled: 0 });
      await eventually('the outbox is empty', 10_000, async () => (await outboxDepth()) === 0);
      figure('R05', `429 for ever: lost = 0 of ${answers.length}, drain ${fate.seconds.toFixed(1)} s`);
    },
    SLOW,
  );

  const faults: [string, HttpFault][] = [
    ['503', { status: 503 }],
    ['408', { status: 408 }],
    ['449', { status: 449 }],
    ['410', { status: 410 }],
    ['hang', 'hang'],
    ['reset', 'reset'],
    ['answer lost', 'lose'],
  ];
  it.each(faults)(
    'R06 %s, now and then: own retry; then for ever: outbox; nothing is lost or stored twice',
    async (name, fault) => {
      const load = new SessionLoad(`r06-${name.replace(' ', '-')}`, CALLERS, anyOf(fleet.urls));
      let calls = 0;
      fleet.stack.cosmosProxy.set(() => ((calls += 1) % 5 === 0 ? fault : 'pass'));
      await load.more(60);
      fleet.stack.cosmosProxy.set(fault);
      await load.more(60);
      fleet.stack.cosmosProxy.heal();
      await load.more(30);
      const answers = await load.stop();
      expect(failuresOf(answers)).toEqual([]);
      const fate = await fateOf(fleet.stack, answers);
      expect(fate).toMatchObject({ lost: [], doubled: 0 });
      const unsaved = answers.filter(({ persisted }) => !persisted).length;
      expect(unsaved).toBe(0);
      figure(
        'R06',
        `${name}: lost acknowledged turns = 0 of ${answers.length}, doubled = 0, drain ${fate.seconds.toFixed(1)} s`,
      );
    },
    SLOW,
  );

  it(
    'R07 both stores down: stateless requests are answered, those with a session get 503 in under 1 s',
    async () => {
      for (const [redis, cosmos] of [
        ['refuse', 'reset'],
        ['hang', 'hang'],
      ] as const) {
        await fleet.stack.redisProxy.set(redis);
        fleet.stack.cosmosProxy.set(cosmos);
        const withSession: LoadAnswer[] = [];
        let slowest = 0;
        const askEach = async (url: string) => {
          for (let n = 0; n < 4; n += 1) {
            const begun = performance.now();
            const stateless = await post(`${url}/query`, { query: 'hi' });
            const usual = performance.now() - begun; // what a request takes on this machine at this moment
            expect(stateless.status).toBe(200);
            const answer = await say(url, 'r07');
            withSession.push(answer);
            slowest = Math.max(slowest, answer.ms - usual);
          }
        };
        await Promise.all(fleet.urls.map(askEach));
        expect(withSession.map(({ status }) => status)).toEqual(withSession.map(() => 503));
        expect(slowest).toBeLessThan(1_000);
        figure(
          'R07',
          `Redis ${redis}, Cosmos ${cosmos}: 503 after at most ${(slowest / 1_000).toFixed(2)} s; stateless 200`,
        );
        await fleet.stack.heal();
        await fleet.allAre('ready');
      }
      expect(await say(fleet.urls[0]!, 'r07')).toMatchObject({ status: 200, persisted: true });
    },
    SLOW,
  );

  it(
    'R07 one lost read of Cosmos while Redis is away: it is read once more',
    async () => {
      const [url] = fleet.urls as [string];
      await fleet.stack.redisProxy.set('refuse');
      let reads = 0;
      fleet.stack.cosmosProxy.set((request) =>
        request.headers['x-ms-documentdb-isquery'] && (reads += 1) === 1 ? 'hang' : 'pass',
      );
      expect(await say(url, 'r07-once')).toMatchObject({ status: 200, persisted: true });
      expect(reads).toBeGreaterThan(1);
    },
    SLOW,
  );

  it(
    'R07 Cosmos takes 300 ms for a read while Redis is away: every conversation is read, however many wait',
    async () => {
      await fleet.stack.redisProxy.set('refuse');
      fleet.stack.cosmosProxy.set((request) => (request.headers['x-ms-documentdb-isquery'] ? { lateMs: 300 } : 'pass'));
      const load = new SessionLoad('r07-slow', CALLERS, anyOf(fleet.urls));
      await load.more(60);
      const answers = await load.stop();
      expect(failuresOf(answers)).toEqual([]);
      figure('R07', `Cosmos slow, Redis away: errors = 0 of ${answers.length}`);
    },
    SLOW,
  );

  it(
    'R07 where turns must be durable, /ready is 503 while neither store can keep one',
    async () => {
      const strict = await fleet.stack.replica(fleet.upstream, { sessions: { requireDurable: true } });
      const ready = async () => (await fetch(`${strict.url}/ready`)).status;
      try {
        fleet.stack.cosmosProxy.set('reset');
        await eventually('the outbox is enough', 10_000, async () => (await readinessOf(strict)).status === 'degraded');
        await fleet.stack.redisProxy.set('refuse');
        await eventually('not ready', 10_000, async () => (await ready()) === 503);
        expect((await readinessOf(strict)).status).toBe('unready');
        expect((await fetch(`${strict.url}/health`)).status).toBe(200);
        expect((await post(`${strict.url}/query`, { query: 'hi' })).status).toBe(200);
        fleet.stack.cosmosProxy.heal();
        await eventually('ready without Redis', 10_000, async () => (await ready()) === 200);
      } finally {
        await strict.kill();
      }
    },
    SLOW,
  );

  it(
    'an erased session stays erased: nothing in any store, outbox or replica brings it back',
    async () => {
      /** A replica whose breaker rests says 503 until it has asked Cosmos again. */
      const read = async (n: number): Promise<number> => {
        let status = 503;
        const answers = async () => (status = (await fetch(`${fleet.urls[n]}/v1/sessions/erased`)).status) !== 503;
        await eventually('Cosmos is asked again', 10_000, answers);
        return status;
      };
      const erase = async () => (await fetch(`${fleet.urls[0]}/v1/sessions/erased`, { method: 'DELETE' })).status;
      for (let n = 0; n < 3; n += 1) await say(fleet.urls[n]!, 'erased');
      fleet.stack.cosmosProxy.set({ status: 503 });
      for (let n = 0; n < 3; n += 1) expect(await say(fleet.urls[n]!, 'erased')).toMatchObject({ persisted: true });
      expect(await outboxDepth()).toBe(3);
      expect(await erase()).toBe(503); // Cosmos could not confirm
      expect(await outboxDepth()).toBe(0);
      fleet.stack.cosmosProxy.heal();
      // not by /ready, whose answers may be a second old
      await eventually('the erasure is confirmed', 10_000, async () => (await erase()) === 200);
      expect(await Promise.all([0, 1, 2].map(read))).toEqual([404, 404, 404]);
      expect((await fleet.stack.documents()).filter(({ session }) => session === 'erased')).toEqual([]);
      const list = await (await fetch(`${fleet.urls[1]}/v1/sessions?limit=100`)).text();
      expect(list).not.toContain('"erased"');
      // It can begin anew.
      fleet.upstream.reset();
      expect(await say(fleet.urls[1]!, 'erased')).toMatchObject({ status: 200, persisted: true });
      expect(fleet.upstream.requests[0]?.body?.messages).toHaveLength(1);
    },
    SLOW,
  );

  it(
    'Table Storage down: chats as ever, the list says 503, and is whole afterwards',
    async () => {
      fleet.stack.tablesProxy.set('reset');
      const answers = [];
      for (let n = 0; n < 9; n += 1) answers.push(await say(fleet.urls[n % 3]!, 'uncounted'));
      expect(answers.every(({ status, persisted }) => status === 200 && persisted)).toBe(true);
      expect((await fetch(`${fleet.urls[0]}/v1/sessions`)).status).toBe(503);
      const shown = await (await fetch(`${fleet.urls[0]}/v1/sessions/uncounted`)).json();
      expect(shown).toMatchObject({ id: 'uncounted', turns: { length: 9 } });
      fleet.stack.tablesProxy.heal();
      await fleet.allAre('ready');
      const counted = async () => {
        const { data } = (await (await fetch(`${fleet.urls[0]}/v1/sessions?limit=100`)).json()) as {
          data?: { id: string; turn_count: number }[];
        };
        return data?.find(({ id }) => id === 'uncounted')?.turn_count;
      };
      await eventually('all 9 turns are counted', 10_000, async () => (await counted()) === 9);
    },
    SLOW,
  );
});
