import type { Account, Accounts } from '../../src/common/accounts.js';
import type { AppError } from '../../src/common/app-error.js';
import { MemoryQuotaLedger } from '../../src/modules/quota/adapters/memory.quota-ledger.js';
import { LEASE_MS, RedisQuotaCalls } from '../../src/modules/quota/adapters/redis-quota-calls.js';
import { RedisQuotaLedger } from '../../src/modules/quota/adapters/redis.quota-ledger.js';
import { RedisReplicaRegistry } from '../../src/modules/quota/adapters/redis.replica-registry.js';
import { MonthlySpend } from '../../src/modules/quota/monthly-spend.js';
import type { ReachedBudget } from '../../src/modules/quota/quota.messages.js';
import { BUCKET_MS } from '../../src/modules/quota/sliding-window.js';
import { RedisErasureFeed } from '../../src/modules/session/adapters/redis.erasure-feed.js';
import { seeded } from '../../tools/train-router/random.js';
import { redisClusterPlace, redisPlace } from '../support/redis-place.js';
import { accountWith, describeQuotaLedger, refusal, staff, START } from './quota-ledger.contract.js';

const NEED = { tokens: 1, usd: 0 };
const NOTHING = { tokens: null, usd: null };
const ALONE = { value: 1 };
const reached: ReachedBudget[] = [];
const tell = (one: ReachedBudget): void => {
  reached.push(one);
};

describe('on a real redis-server', () => {
  const place = redisPlace();

  const clock = { now: START };
  beforeEach(() => {
    clock.now = START;
    reached.length = 0;
  });
  const times = { here: () => clock.now, there: () => clock.now };
  const newLedger = () => new RedisQuotaLedger(place.redis, ALONE, tell, times);
  const newCalls = () => new RedisQuotaCalls(place.redis, times);

  describeQuotaLedger('Redis', async () => ({ ledger: newLedger(), clock, reached }));

  it('counts for all replicas together', async () => {
    const caller = accountWith({ requestsPerMinute: 10, concurrent: 5 });
    const replicas = [newLedger(), newLedger(), newLedger()];
    const asked = replicas.flatMap((replica, r) =>
      Array.from({ length: 20 }, (_, n) => replica.reserve(caller, NEED, `${r}-${n}`)),
    );
    const answers = await Promise.allSettled(asked);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    const settled = replicas.flatMap((replica, r) =>
      Array.from({ length: 20 }, (_, n) => replica.settle(caller, `${r}-${n}`, NOTHING)),
    );
    await Promise.all(settled);
    const again = await Promise.allSettled(replicas.map((replica, r) => replica.reserve(caller, NEED, `again-${r}`)));
    expect(again.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  it('looks at the clock of Redis and not of the replica', async () => {
    const caller = accountWith({ requestsPerMinute: 1 });
    await new RedisQuotaLedger(place.redis, ALONE, tell).reserve(caller, NEED, 'a');
    const wrong = new RedisQuotaLedger(place.redis, ALONE, tell, {
      here: () => Date.now() + 3_600_000,
      there: () => '',
    });
    await refusal(wrong.reserve(caller, NEED, 'b'));
  });

  it.each([1, 2, 3])(
    'says the same as the ledger in memory, whatever happens in which order (seed %i)',
    async (seed) => {
      const random = seeded(seed);
      const upTo = (n: number): number => Math.floor(random() * n);
      const own = { requestsPerMinute: 25, tokensPerMinute: 2_000, concurrent: 6, usdPerMonth: 1e6 };
      const ofTenant = { requestsPerMinute: 40, tokensPerMinute: 3_000, concurrent: 9, usdPerMonth: 60 };
      const ofModel = { tokensPerMinute: 900, usdPerMonth: 40 };
      const staffOf = (user: string) => staff({ user: own, model: ofModel, tenant: ofTenant }, user);
      const users = [accountWith(own), staffOf('alice'), staffOf('bob')];
      const ledgers = [
        newLedger(),
        new MemoryQuotaLedger(
          new MonthlySpend(),
          null,
          '',
          () => clock.now,
          () => clock.now,
        ),
      ] as const;
      const running: { id: string; accounts: Accounts }[] = [];
      for (let step = 0; step < 500; step += 1) {
        // whole buckets: where a bucket begins is the only thing in which the two differ
        if (upTo(3) === 0) clock.now += BUCKET_MS * upTo(running.length === 0 ? 500 : 40);
        await ledgers[0].renew();
        const [ending] = running.splice(upTo(running.length), upTo(2));
        const accounts = users[upTo(users.length)]!;
        const [id, tokens, used] = [`${seed}-${step}`, upTo(4) * upTo(300), { tokens: upTo(700), usd: 0.25 }];
        const said = ledgers.map(async (ledger) => {
          if (ending) await ledger.settle(ending.accounts, ending.id, used);
          return ledger.reserve(accounts, { tokens, usd: 0.5 }, id).catch(({ code, message, headers }: AppError) => {
            return { code, message, headers };
          });
        });
        const [redis, memory] = await Promise.all(said);
        expect({ step, ...redis }).toEqual({ step, ...memory });
        if (redis && !('code' in redis)) running.push({ id, accounts });
      }
    },
  );

  it('gives back no more than what is counted where the request was', async () => {
    const caller = accountWith({ tokensPerMinute: 1_000 });
    const ledger = newLedger();
    await ledger.reserve(caller, { tokens: 900, usd: 0 }, 'a');
    await place.redis.run((client) => client.del('{acme}:quota:alice:/window'));
    await ledger.reserve(caller, { tokens: 10, usd: 0 }, 'b');
    await ledger.settle(caller, 'a', { tokens: 0, usd: null });
    const headers = await ledger.reserve(caller, { tokens: 0, usd: 0 }, 'c');
    expect(headers).toMatchObject({ 'x-ratelimit-remaining-tokens': '1000' });
    await ledger.settle(caller, 'b', { tokens: 500, usd: null });
    await refusal(ledger.reserve(caller, { tokens: 600, usd: 0 }, 'd'));
  });

  it('is not moved by tokens that are no number', async () => {
    const caller = accountWith({ tokensPerMinute: 1_000 });
    const ledger = newLedger();
    for (const tokens of [Number.NaN, Infinity]) {
      await ledger.reserve(caller, { tokens: 100, usd: 0 }, `${tokens}`);
      await ledger.settle(caller, `${tokens}`, { tokens, usd: null });
    }
    const headers = await ledger.reserve(caller, { tokens: 0, usd: 0 }, 'c');
    expect(headers).toMatchObject({ 'x-ratelimit-remaining-tokens': '800' });
  });

  it('refuses at a spend that is larger than any integer of Redis', async () => {
    const rich = accountWith({ usdPerMonth: 1_000_000 });
    await newLedger().settle(rich, 'a', { tokens: 1, usd: 1e11 });
    expect((await refusal(newLedger().reserve(rich, NEED, 'b'))).code).toBe('budget_exceeded');
  });

  it('does not keep a user out for longer when the clock of the replica is set back', async () => {
    const caller = accountWith({ requestsPerMinute: 1 });
    const here = { now: START };
    const ledger = new RedisQuotaLedger(place.redis, ALONE, tell, { here: () => here.now, there: () => clock.now });
    await ledger.reserve(caller, NEED, 'a');
    await refusal(ledger.reserve(caller, NEED, 'b'));
    here.now -= 3_600_000;
    clock.now += 60_000;
    await ledger.reserve(caller, NEED, 'c');
  });

  it('takes what is asked for twice once: a connection that broke sends again what was under way', async () => {
    const accounts = staff({ user: { tokensPerMinute: 1_000, concurrent: 5 }, tenant: { requestsPerMinute: 10 } });
    const calls = newCalls();
    const taking = { accounts, need: { tokens: 100, usd: 1 }, id: 'once' };
    const [first, second] = [await calls.reserve(taking, () => 0), await calls.reserve(taking, () => 0)];
    const used = (all: typeof first.all) => all.map(({ state }) => [state.requests.used, state.tokens.used]);
    expect([second.letIn, used(second.all)]).toEqual([true, used(first.all)]);
    expect(used(second.all)).toEqual([
      [0, 100],
      [1, 0],
    ]);
  });

  it('is handed a batch once, however often it is told', async () => {
    const accounts = accountWith({ requestsPerMinute: 10, tokensPerMinute: 100 });
    const calls = newCalls();
    const batch = { id: 'batch', buckets: [{ at: clock.now, requests: 3, tokens: 30, doubtful: null }] };
    for (let n = 0; n < 3; n += 1) await calls.handOver(accounts[0]!, batch);
    expect(await newLedger().reserve(accounts, NEED, 'a')).toMatchObject({
      'x-ratelimit-remaining-requests': '6',
      'x-ratelimit-remaining-tokens': '69',
    });
  });

  it('forgets what was counted before the clock of Redis was set, to later or to earlier', async () => {
    const caller = accountWith({ requestsPerMinute: 2 });
    const ledger = newLedger();
    for (const jump of [3_600_000, -7_200_000]) {
      await ledger.reserve(caller, NEED, `a${jump}`);
      clock.now += jump;
    }
    await ledger.reserve(caller, NEED, 'b');
    clock.now += 61_000;
    await ledger.reserve(caller, NEED, 'c');
    await ledger.reserve(caller, NEED, 'd');
    await refusal(ledger.reserve(caller, NEED, 'e'));
  });

  describe('leases', () => {
    const caller = accountWith({ concurrent: 1, usdPerMonth: 1 });

    it('lets go what a dead replica held, slot and money, after 30 s', async () => {
      await newLedger().reserve(caller, { tokens: 1, usd: 1 }, 'dead');
      const alive = newLedger();
      clock.now += LEASE_MS - 1;
      await refusal(alive.reserve(caller, { tokens: 1, usd: 1 }, 'a'));
      clock.now += 1;
      await alive.reserve(caller, { tokens: 1, usd: 1 }, 'b');
    });

    it('keeps what is renewed', async () => {
      const ledger = newLedger();
      const need = { tokens: 1, usd: 1 };
      await ledger.reserve(caller, need, 'long');
      for (let n = 0; n < 5; n += 1) {
        clock.now += LEASE_MS - 1;
        await ledger.renew();
      }
      await refusal(ledger.reserve(caller, need, 'a'));
      await ledger.settle(caller, 'long', { tokens: 1, usd: 0.5 });
      await ledger.reserve(caller, need, 'b');
    });

    it('F39 does not bring back what was settled meanwhile', async () => {
      const [ledger, calls] = [newLedger(), newCalls()];
      const [account] = caller as readonly [Account];
      const need = { tokens: 1, usd: 1 };
      const running = (id: string, ageMs: number, inRedis: 'yes' | 'no' = 'yes') => {
        return { id, need, since: clock.now - ageMs, parts: [{ account, inRedis, bucket: null }] };
      };
      clock.now += 10;
      await ledger.reserve(caller, need, 'settled');
      clock.now += 5;
      await ledger.settle(caller, 'settled', NOTHING);
      await calls.renew(account, [running('settled', 5)]);
      await ledger.reserve(caller, need, 'next');
      await ledger.settle(caller, 'next', NOTHING);
      await calls.renew(account, [running('lost', 60_000)]); // from before all that Redis remembers
      await refusal(ledger.reserve(caller, need, 'x'));
      await calls.settle({ id: 'lost', accounts: caller, usd: 0, at: clock.now }, null, () => 0);
      await calls.renew(account, [running('taken without Redis', 5, 'no')]);
      await refusal(ledger.reserve(caller, need, 'y'));
    });

    it('puts back what Redis lost', async () => {
      const ledger = newLedger();
      const need = { tokens: 1, usd: 1 };
      await ledger.reserve(caller, need, 'long');
      await place.redis.run((client) => client.flushall());
      await ledger.renew();
      await refusal(ledger.reserve(caller, need, 'a'));
      await ledger.settle(caller, 'long', NOTHING);
      await ledger.reserve(caller, need, 'b');
    });
  });

  describe('money', () => {
    const caller = accountWith({ usdPerMonth: 1 });

    it('books a cost once, however often it is told', async () => {
      const ledger = newLedger();
      await ledger.reserve(caller, NEED, 'a');
      for (let n = 0; n < 3; n += 1) await ledger.settle(caller, 'a', { tokens: 1, usd: 0.4 });
      await ledger.settle(caller, 'b', { tokens: 1, usd: 0.4 }); // its lease is gone; the money is not
      await ledger.reserve(caller, NEED, 'c');
      await ledger.settle(caller, 'c', { tokens: 1, usd: 0.2 });
      expect((await refusal(ledger.reserve(caller, NEED, 'd'))).code).toBe('budget_exceeded');
    });

    it('puts back a spend that Redis has lost and a replica knew', async () => {
      const ledger = newLedger();
      await ledger.settle(caller, 'a', { tokens: 1, usd: 0.9 });
      await newLedger().reserve(caller, NEED, 'still 0.1 left');
      await place.redis.run((client) => client.flushall());
      await ledger.settle(caller, 'b', { tokens: 1, usd: 0.2 });
      expect((await refusal(newLedger().reserve(caller, NEED, 'c'))).code).toBe('budget_exceeded');
    });

    it('tells one replica alone that a budget is nearly used up', async () => {
      const replicas = [newLedger(), newLedger(), newLedger()];
      await Promise.all(replicas.map((replica, n) => replica.settle(caller, `cost-${n}`, { tokens: 1, usd: 0.29 })));
      expect(reached.map(({ threshold, spentUsd }) => [threshold, spentUsd])).toEqual([[0.8, 0.87]]);
      await Promise.all(replicas.map((replica) => replica.settle(caller, 'cost-0', { tokens: 1, usd: 0.29 })));
      await Promise.all(replicas.map((replica, n) => replica.settle(caller, `more-${n}`, { tokens: 1, usd: 0.03 })));
      expect(reached.map(({ threshold }) => threshold)).toEqual([0.8, 0.9]);
    });

    it('tells again of a threshold where its first word was lost', async () => {
      const calls = newCalls();
      const booking = { id: 'lost', accounts: caller, usd: 0.85, at: clock.now };
      const told = async (id: string) =>
        (await calls.settle({ ...booking, id }, 1, () => 0)).flatMap(({ reached: all }) =>
          all.map(({ threshold }) => threshold),
        );
      expect([await told('lost'), await told('lost'), await told('another')]).toEqual([[0.8], [0.8], [0.9]]);
      expect(await told('a third')).toEqual([]);
    });

    it('books a late cost in the month it belongs to', async () => {
      clock.now = Date.UTC(2026, 11, 1);
      await newCalls().settle({ id: 'a', accounts: caller, usd: 5, at: START }, 1, () => 0);
      await newLedger().reserve(caller, NEED, 'b');
      clock.now = START;
      expect((await refusal(newLedger().reserve(caller, NEED, 'c'))).code).toBe('budget_exceeded');
    });

    it('counts large sums exactly', async () => {
      const rich = accountWith({ usdPerMonth: 1_000_000 });
      const ledger = newLedger();
      await ledger.settle(rich, 'a', { tokens: 1, usd: 999_999.999999999 });
      await ledger.reserve(rich, NEED, 'b');
      await ledger.settle(rich, 'b', { tokens: 1, usd: 0.000000001 });
      expect((await refusal(ledger.reserve(rich, NEED, 'c'))).code).toBe('budget_exceeded');
    });
  });

  it('leaves nothing behind for ever', async () => {
    const caller = accountWith({ requestsPerMinute: 5, tokensPerMinute: 100, concurrent: 2, usdPerMonth: 1 });
    const ledger = newLedger();
    await ledger.reserve(caller, { tokens: 5, usd: 0.1 }, 'a');
    await ledger.settle(caller, 'a', { tokens: 9, usd: 0.05 });
    await ledger.reserve(caller, NEED, 'b');
    const keys = await place.redis.run((client) => client.keys('*'));
    expect(keys.length).toBeGreaterThanOrEqual(5);
    for (const key of keys) expect(await place.redis.run((client) => client.pttl(key))).toBeGreaterThan(0);
  });
});

describe('on a Redis cluster of three', () => {
  const place = redisClusterPlace(3);

  describeQuotaLedger('Redis cluster', async () => {
    const clock = { now: START };
    const times = { here: () => clock.now, there: () => clock.now };
    reached.length = 0;
    return { clock, reached, ledger: new RedisQuotaLedger(place.redis, ALONE, tell, times) };
  });

  it('counts replicas and tells of erasures', async () => {
    const registry = new RedisReplicaRegistry(place.redis);
    await registry.heartbeat('a', 60_000);
    expect(await registry.heartbeat('b', 60_000)).toBe(2);
    const [one, two] = [new RedisErasureFeed(place.redis), new RedisErasureFeed(place.redis)];
    const key = { tenant: 'acme', sessionId: 'one' };
    await one.post(key, 5);
    expect(await two.news()).toEqual([{ key, at: 5 }]);
  });
});
