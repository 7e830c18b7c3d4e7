import { figure } from '../support/figure.js';
import { usageOf } from '../support/openai-answer.js';
import { chat, eventually } from '../support/router-calls.js';
import type { RouterProcess } from '../support/router-process.js';
import { GENEROUS, keyFor, targetOn } from '../support/router-targets.js';
import { StoreStack } from '../support/store-stack.js';
import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 90_000;
const REPLICAS = 3;
const LIMIT = 60;
/** A dollar a token of the answer. */
const PRICE = { input: 0, output: 1_000_000 };
const ANSWER = 'one two three four five';
/** Users of a tenant that has a limit of requests, and of one that has a budget. */
const TEAM = ['dave', 'erin', 'fred'];
const PURSE = ['gina', 'hugo', 'ida'];

describe('limits over three replicas', () => {
  let stack: StoreStack;
  let upstream: UpstreamServer;
  let replicas: RouterProcess[] = [];

  beforeAll(async () => {
    [stack, upstream] = await Promise.all([StoreStack.start(), UpstreamServer.start()]);
  }, SLOW);
  beforeEach(() => upstream.reset());
  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.kill()));
    replicas = [];
    await stack.heal();
    const client = stack.redis.client();
    await client.flushall(); // the minute of one test is not the next one's
    client.disconnect();
  }, SLOW);
  afterAll(async () => {
    await stack.close();
    await upstream.close();
  }, SLOW);

  const start = async (status: string): Promise<void> => {
    const changes = {
      // the first one is free: without a price it would count as the other does
      targets: [
        targetOn(upstream, { price: { input: 0, output: 0 } }),
        targetOn(upstream, { id: 'paid', price: PRICE }),
      ],
      auth: {
        keys: [
          keyFor('probe'),
          keyFor('alice', { limits: { requestsPerMinute: LIMIT } }),
          keyFor('bob', { limits: { usdPerMonth: 20 } }),
          keyFor('carol', { limits: { concurrent: 4 } }),
          ...TEAM.map((user) => keyFor(user, { tenant: 'team' })),
          ...PURSE.map((user) => keyFor(user, { tenant: 'purse' })),
        ],
      },
      limits: GENEROUS,
      tenants: { team: { limits: { requestsPerMinute: LIMIT } }, purse: { limits: { usdPerMonth: 20 } } },
    };
    replicas = await Promise.all(Array.from({ length: REPLICAS }, () => stack.replica(upstream, changes, status)));
  };
  const ask = (n: number, key: string, body: Record<string, unknown> = {}) =>
    chat(replicas[n % REPLICAS]!, body, { authorization: `Bearer ${key}` });
  /** Statuses of requests sent at once, one after the other to every replica. */
  const statuses = async (key: string, count: number, body: Record<string, unknown> = {}): Promise<number[]> => {
    const sent = Array.from({ length: count }, async (_, n) => {
      const response = await ask(n, key, body);
      await response.text();
      return response.status;
    });
    return Promise.all(sent);
  };
  const countOf = (all: readonly number[], status: number): number => all.filter((one) => one === status).length;
  const shareIs = (share: number) =>
    eventually(`every replica enforces 1/${share}`, 15_000, async () => {
      const headers = await Promise.all(replicas.map(async (_, n) => (await ask(n, 'probe')).headers));
      const limit = String(Math.floor((GENEROUS.requestsPerMinute ?? 0) / share));
      return headers.every((all) => all.get('x-ratelimit-limit-requests') === limit);
    });

  it(
    'S05 raced: nobody gets more than the limit, whichever replicas they ask',
    async () => {
      await start('ready');
      const all = await statuses('alice', 3 * LIMIT);
      expect([countOf(all, 200), countOf(all, 429)]).toEqual([LIMIT, 2 * LIMIT]);
      upstream.always(answer(ANSWER));
      const { completion_tokens: usdPerAnswer } = usageOf(ANSWER, undefined);
      const paid = await statuses('bob', 60, { model: 'paid', max_tokens: usdPerAnswer });
      const spent = countOf(paid, 200) * usdPerAnswer;
      expect(countOf(paid, 200) + countOf(paid, 429)).toBe(60);
      expect(spent).toBeGreaterThan(0);
      expect(spent).toBeLessThan(20 + usdPerAnswer);
      figure(
        'S05',
        `${countOf(all, 200)} of ${all.length} let in, limit ${LIMIT}; ${spent} USD spent of a budget of 20`,
      );
    },
    SLOW,
  );

  it(
    'S05 raced by the users of a tenant: it gets no more than its own limit, in requests and in money',
    async () => {
      await start('ready');
      upstream.always(answer(ANSWER));
      const { completion_tokens: usdPerAnswer } = usageOf(ANSWER, undefined);
      const both = await Promise.all([
        Promise.all(TEAM.map((user) => statuses(user, LIMIT))),
        Promise.all(PURSE.map((user) => statuses(user, 15, { model: 'paid', max_tokens: usdPerAnswer }))),
      ]);
      const [free, paid] = both.map((all) => countOf(all.flat(), 200)) as [number, number];
      const spent = paid * usdPerAnswer;
      expect(free).toBe(LIMIT);
      expect(spent).toBeGreaterThan(0);
      expect(spent).toBeLessThan(20 + usdPerAnswer);
      figure(
        'S05',
        `a tenant: ${free} of ${TEAM.length * LIMIT} let in, limit ${LIMIT}; another: ${spent} USD spent of a budget of 20`,
      );
    },
    SLOW,
  );

  it(
    'S09 wrong keys and forged tokens are counted by address over all replicas, and a good key is let in all the same',
    async () => {
      await start('ready');
      const tried = await Promise.all(
        Array.from({ length: 90 }, async (_, n) => {
          const response = await ask(n, n % 2 === 0 ? `guess-${n}` : `eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.${n}`);
          return { status: response.status, text: await response.text() };
        }),
      );
      const refused = tried.filter(({ status }) => status === 401);
      expect(refused).toHaveLength(30);
      expect(new Set(refused.map(({ text }) => text)).size).toBe(1);
      expect(
        countOf(
          tried.map(({ status }) => status),
          429,
        ),
      ).toBe(60);
      expect(upstream.requests).toEqual([]);
      expect(await statuses('alice', REPLICAS)).toEqual([200, 200, 200]);
      figure('S09', `${refused.length} of ${tried.length} wrong credentials are 401, the rest 429; a good key 200`);
    },
    SLOW,
  );

  it(
    'R01 Redis down at start: limits at limit / replicas',
    async () => {
      await stack.redisProxy.set('refuse');
      await start('degraded');
      await shareIs(REPLICAS);
      const all = await statuses('alice', 3 * LIMIT);
      expect([countOf(all, 200), countOf(all, 429)]).toEqual([LIMIT, 2 * LIMIT]);
      await stack.redisProxy.set('none');
      await shareIs(1);
      figure('R01', `limits: ${countOf(all, 200)} of ${all.length} let in without Redis, limit ${LIMIT}`);
    },
    SLOW,
  );

  it(
    'R02 Redis lost under way: what each replica had let in counts, and slots come free',
    async () => {
      await start('ready');
      await shareIs(1);
      const before = await statuses('alice', LIMIT / 2);
      expect(before).toEqual(before.map(() => 200));
      await stack.redisProxy.set('refuse');
      await shareIs(REPLICAS); // at once, but for replicas that have only just started
      const after = await statuses('alice', 3 * LIMIT);
      expect(countOf(before, 200) + countOf(after, 200)).toBe(LIMIT);
      expect(countOf(after, 200) + countOf(after, 429)).toBe(after.length);
      for (let turn = 0; turn < 20; turn += 1) expect(await statuses('carol', REPLICAS)).toEqual([200, 200, 200]);
      await stack.redisProxy.set('none');
      await shareIs(1);
      for (let turn = 0; turn < 20; turn += 1) expect(await statuses('carol', REPLICAS)).toEqual([200, 200, 200]);
      figure('R02', `limits: ${countOf(before, 200)} before and ${countOf(after, 200)} after the loss, limit ${LIMIT}`);
    },
    SLOW,
  );
});
