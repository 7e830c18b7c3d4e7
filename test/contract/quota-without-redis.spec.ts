import { AccountBook } from '../../src/common/accounts.js';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { RedisQuotaLedger } from '../../src/modules/quota/adapters/redis.quota-ledger.js';
import { RedisServer } from '../support/redis-server.js';
import { eventually } from '../support/router-calls.js';
import { TcpFaultProxy } from '../support/tcp-fault-proxy.js';
import { accountWith, refusal } from './quota-ledger.contract.js';

const NEED = { tokens: 1, usd: 0 };
const REPLICAS = 3;
const tellNobody = (): void => undefined;

describe('limits over three replicas', () => {
  let server: RedisServer;
  let proxy: TcpFaultProxy;
  let connections: RedisConnection[];
  let replicas: RedisQuotaLedger[];
  let ids = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    proxy = await TcpFaultProxy.start(server.port);
  });
  beforeEach(async () => {
    const redis = { url: `redis://127.0.0.1:${proxy.port}` };
    connections = Array.from(
      { length: REPLICAS },
      () => new RedisConnection(routerConfigSchema.parse({ redis }).redis),
    );
    for (const connection of connections) connection.onApplicationBootstrap();
    await back();
    await connections[0]!.run((client) => client.flushall());
    replicas = connections.map((connection) => new RedisQuotaLedger(connection, { value: REPLICAS }, tellNobody));
  });
  afterEach(async () => {
    await proxy.set('none');
    for (const connection of connections) await connection.close();
  });
  afterAll(async () => {
    await proxy.close();
    await server.close();
  });

  const back = () =>
    eventually('every replica has reached Redis', 10_000, async () =>
      (await Promise.all(connections.map((connection) => connection.check()))).every(({ healthy }) => healthy),
    );
  const letIn = async (caller: ReturnType<typeof accountWith>, times: number, usd = 0): Promise<number[]> => {
    const counts = [];
    for (const replica of replicas) {
      let count = 0;
      for (let n = 0; n < times; n += 1) {
        await replica.reserve(caller, { tokens: 1, usd }, `lease-${(ids += 1)}`).then(
          () => (count += 1),
          () => undefined,
        );
      }
      counts.push(count);
    }
    return counts;
  };
  /** Whether no replica enforces a share alone. */
  const countTogether = async () => {
    const probe = accountWith({ requestsPerMinute: 900 }, 'probe');
    const told = replicas.map((replica) => replica.reserve(probe, NEED, `lease-${(ids += 1)}`));
    return (await Promise.all(told)).every((headers) => headers['x-ratelimit-limit-requests'] === '900');
  };
  const spend = async (replica: number, caller: ReturnType<typeof accountWith>, usd: number) => {
    const id = `lease-${(ids += 1)}`;
    await replicas[replica]!.reserve(caller, NEED, id);
    await replicas[replica]!.settle(caller, id, { tokens: 1, usd });
  };

  it('hold together while Redis works', async () => {
    expect(await letIn(accountWith({ requestsPerMinute: 10 }), 10)).toEqual([10, 0, 0]);
  });

  it('are divided while it is away', async () => {
    await proxy.set('refuse');
    expect(await letIn(accountWith({ requestsPerMinute: 10 }, 'a'), 10)).toEqual([3, 3, 3]);
    expect(await letIn(accountWith({ concurrent: 6 }, 'b'), 10)).toEqual([2, 2, 2]);
    expect(await letIn(accountWith({ tokensPerMinute: 13 }, 'c'), 10)).toEqual([4, 4, 4]);
    const error = await refusal(replicas[0]!.reserve(accountWith({ requestsPerMinute: 10 }, 'a'), NEED, 'x'));
    expect(error.message).toContain('3 requests per minute');
    expect(error.message).toContain('a share of your limit');
    expect(error.headers['x-ratelimit-limit-requests']).toBe('3');
  });

  it('of a tenant as a whole are divided, and handed over, as those of its users are', async () => {
    const own = { tenants: { acme: { limits: { requestsPerMinute: 9 } } }, models: [] };
    const book = new AccountBook(own);
    const [alice, bob] = ['alice', 'bob'].map((user) =>
      book.of({ tenant: 'acme', user, scopes: ['chat'], limits: { requestsPerMinute: 60 } }, null),
    );
    await proxy.set('refuse');
    expect(await letIn(alice!, 2)).toEqual([2, 2, 2]);
    expect(await letIn(bob!, 2)).toEqual([1, 1, 1]);
    await proxy.set('none');
    await back();
    for (const replica of replicas) await replica.handOverAll();
    expect(await letIn(bob!, 1)).toEqual([0, 0, 0]);
    const headers = await replicas[0]!.reserve(
      book.of({ tenant: 'x', user: 'alice', scopes: ['chat'], limits: { requestsPerMinute: 60 } }, null),
      NEED,
      'x',
    );
    expect(headers['x-ratelimit-remaining-requests']).toBe('59');
  });

  it('leave everybody one, however many replicas there are', async () => {
    await proxy.set('refuse');
    expect(await letIn(accountWith({ requestsPerMinute: 1 }), 2)).toEqual([1, 1, 1]);
  });

  it('count what a replica had let in before', async () => {
    const caller = accountWith({ requestsPerMinute: 9 });
    await replicas[0]!.reserve(caller, NEED, 'x');
    await replicas[0]!.reserve(caller, NEED, 'y');
    await proxy.set('refuse');
    expect(await letIn(caller, 9)).toEqual([1, 3, 3]);
  });

  it('F66 hand over what was let in without Redis: it counts afterwards, and its slots are free at its end', async () => {
    const caller = accountWith({ requestsPerMinute: 6, tokensPerMinute: 100 });
    await proxy.set('refuse');
    expect(await letIn(caller, 6)).toEqual([2, 2, 2]);
    await proxy.set('none');
    await back();
    for (const replica of replicas.slice(1)) await replica.handOverAll();
    // The first has not handed over yet: it does with the next request of that user.
    expect(await letIn(caller, 2)).toEqual([0, 0, 0]);
    const slots = accountWith({ concurrent: 2 }, 'slots');
    await proxy.set('refuse');
    await replicas[0]!.reserve(slots, NEED, 'during');
    await proxy.set('none');
    await back();
    await replicas[0]!.handOverAll();
    await replicas[1]!.reserve(slots, NEED, 'after');
    await refusal(replicas[1]!.reserve(slots, NEED, 'x'));
    await replicas[0]!.settle(slots, 'during', { tokens: 1, usd: null });
    await replicas[1]!.reserve(slots, NEED, 'again');
  });

  it('F66 hand over requests that call no model, too', async () => {
    const caller = accountWith({ requestsPerMinute: 6 });
    await proxy.set('refuse');
    await eventually('every replica knows', 5_000, () => connections.every(({ usable }) => !usable));
    for (const replica of replicas) await replica.count(caller);
    await proxy.set('none');
    await back();
    for (const replica of replicas.slice(1)) await replica.handOverAll();
    // The first one does with the next request of that user.
    const headers = await replicas[0]!.count(caller);
    expect(headers['x-ratelimit-remaining-requests']).toBe('2');
  });

  it('F39 a lease that is settled while others are renewed does not come back', async () => {
    const [one, other] = [accountWith({ concurrent: 1 }, 'one'), accountWith({ concurrent: 1 }, 'other')];
    await replicas[0]!.reserve(one, NEED, 'one');
    await replicas[0]!.reserve(other, NEED, 'other');
    const renewed = replicas[0]!.renew(); // 'one' is on its way, 'other' comes behind it
    await replicas[0]!.settle(other, 'other', { tokens: 1, usd: null });
    await renewed;
    await replicas[1]!.reserve(other, NEED, 'next');
    await refusal(replicas[1]!.reserve(one, NEED, 'x'));
  });

  it('free slots on either side of an outage', async () => {
    const caller = accountWith({ concurrent: 3 });
    await replicas[0]!.reserve(caller, NEED, 'before');
    await proxy.set('refuse');
    await refusal(replicas[0]!.reserve(caller, NEED, 'x'));
    await replicas[0]!.settle(caller, 'before', { tokens: 1, usd: null });
    await replicas[0]!.reserve(caller, NEED, 'during');
    await proxy.set('none');
    await back();
    await replicas[0]!.settle(caller, 'during', { tokens: 1, usd: null });
    await replicas[1]!.renew();
    // 'before' ended while Redis was away: its lease there has not been renewed since and ends by itself
    expect(await letIn(caller, 3)).toEqual([2, 0, 0]);
  });

  it('are divided while Redis is full, and hold together again when it has room', async () => {
    const client = server.client();
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'maxmemory', '1');
    expect(await letIn(accountWith({ requestsPerMinute: 9 }), 9)).toEqual([3, 3, 3]);
    await client.config('SET', 'maxmemory', '0');
    await eventually('all count together', 5_000, countTogether);
    expect(await letIn(accountWith({ requestsPerMinute: 9 }, 'bob'), 9)).toEqual([9, 0, 0]);
    client.disconnect();
  });

  it('ask a Redis that is full now and then, not for each request, and book all that was spent meanwhile', async () => {
    const own = { tenants: { acme: { limits: { requestsPerMinute: 9_000, usdPerMonth: 900 } } }, models: [] };
    const book = new AccountBook(own);
    const caller = book.of({ tenant: 'acme', user: 'alice', scopes: ['chat'], limits: { usdPerMonth: 900 } }, null);
    const client = server.client();
    const asked = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]);
    await spend(0, caller, 0);
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'maxmemory', '1');
    const before = await asked();
    for (let n = 0; n < 300; n += 1) await spend(0, caller, 0.25);
    expect((await asked()) - before).toBeLessThan(60); // some a second
    await client.config('SET', 'maxmemory', '0');
    await eventually('all count together', 5_000, countTogether);
    const back = await asked();
    await replicas[0]!.handOverAll();
    await replicas[0]!.bookWaiting();
    expect((await asked()) - back).toBeLessThan(10);
    for (const key of await client.keys('{acme}:quota*usd*')) expect(await client.get(key)).toBe('75000000000');
    const headers = await replicas[1]!.reserve(caller, NEED, 'x');
    expect(headers['x-ratelimit-remaining-requests']).toBe(String(9_000 - 302));
    client.disconnect();
  });

  it('share what is left of the money, and book what was spent meanwhile', async () => {
    const caller = accountWith({ usdPerMonth: 10 });
    await spend(0, caller, 4);
    await spend(1, caller, 0);
    await proxy.set('refuse');
    // 6 are left: each may spend 2; the third has not heard of the 4
    for (const replica of [0, 1]) {
      await spend(replica, caller, 1.5);
      await spend(replica, caller, 0.6);
      expect((await refusal(replicas[replica]!.reserve(caller, NEED, 'x'))).code).toBe('budget_exceeded');
    }
    await proxy.set('none');
    await back();
    await spend(2, caller, 1.7);
    await replicas[2]!.reserve(caller, NEED, 'still 4.3 left in Redis');
    for (const replica of replicas) await replica.bookWaiting();
    await spend(2, caller, 0.1);
    expect((await refusal(replicas[2]!.reserve(caller, NEED, 'y'))).code).toBe('budget_exceeded');
    for (const replica of replicas) await replica.bookWaiting();
    await connections[0]!.run(async (client) => {
      const key = (await client.keys('*usd*'))[0]!;
      expect(await client.get(key)).toBe('10000000000');
    });
  });

  it.each<[string, Record<string, number>, number]>([
    ['slots', { concurrent: 4 }, 0],
    ['money', { usdPerMonth: 10 }, 3],
  ])('hold no %s of requests that ended, or were refused, while Redis was frozen', async (_, limits, usd) => {
    const caller = accountWith(limits);
    const need = { tokens: 1, usd };
    const leases = Array.from({ length: 4 }, (_none, n) => `frozen-${n}`);
    for (const id of leases) await replicas[0]!.reserve(caller, need, id);
    server.freeze();
    // those that come meanwhile are sent, and refused by the share of this replica
    for (let n = 0; connections[0]!.usable; n += 1) await refusal(replicas[0]!.reserve(caller, need, `late-${n}`));
    await Promise.all(leases.map((id) => replicas[0]!.settle(caller, id, { tokens: 1, usd: null })));
    server.thaw();
    await back();
    await replicas[0]!.tellEnds();
    for (const id of leases) await replicas[1]!.reserve(caller, need, `again-${id}`);
  });

  it('lose no money to a Redis that freezes and wakes up', async () => {
    const caller = accountWith({ usdPerMonth: 10 });
    const leases = Array.from({ length: 20 }, (_, n) => `freeze-${n}`);
    for (const id of leases) await replicas[0]!.reserve(caller, NEED, id);
    server.freeze();
    const settled = leases.map((id) => replicas[0]!.settle(caller, id, { tokens: 1, usd: 0.25 }));
    await Promise.all(settled);
    server.thaw();
    await back();
    await replicas[0]!.bookWaiting();
    await replicas[0]!.bookWaiting();
    await connections[0]!.run(async (client) => {
      const key = (await client.keys('*usd*'))[0]!;
      expect(await client.get(key)).toBe('5000000000');
    });
  });

  it('renew leases of running requests, but not of one whose end was never told', async () => {
    const caller = accountWith({ concurrent: 1 });
    const clock = { now: Date.now() };
    const times = { here: () => clock.now, there: () => clock.now };
    const ledger = new RedisQuotaLedger(connections[0]!, { value: 1 }, tellNobody, times);
    await ledger.reserve(caller, NEED, 'long');
    for (let minute = 0; minute < 10; minute += 1) {
      clock.now += 20_000;
      await ledger.renew();
    }
    await refusal(ledger.reserve(caller, NEED, 'x'));
    clock.now += 3_600_000;
    await ledger.renew();
    await ledger.reserve(caller, NEED, 'y');
  });

  it('books at the end of the process what still waits', async () => {
    const caller = accountWith({ usdPerMonth: 10 });
    await proxy.set('refuse');
    await spend(0, caller, 2.5);
    await proxy.set('none');
    await back();
    await replicas[0]!.onApplicationShutdown();
    await connections[1]!.run(async (client) => {
      const key = (await client.keys('*usd*'))[0]!;
      expect(await client.get(key)).toBe('2500000000');
    });
  });
});
