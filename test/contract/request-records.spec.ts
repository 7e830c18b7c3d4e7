import { SqliteFile } from '../../src/common/sqlite/adapters/sqlite-file.js';
import { StoreUnavailable } from '../../src/common/store-unavailable.js';
import { RedisRequestRecords } from '../../src/modules/telemetry/adapters/redis.request-records.js';
import { SqliteRequestRecords } from '../../src/modules/telemetry/adapters/sqlite.request-records.js';
import { redisClusterPlace, redisPlace } from '../support/redis-place.js';
import { eventually } from '../support/router-calls.js';
import { describeRequestRecords, recordEntry } from './request-records.contract.js';
import { TemporaryFolder } from './session-samples.js';

const cleanUps: (() => void)[] = [];
afterEach(() => cleanUps.splice(0).forEach((cleanUp) => cleanUp()));

describeRequestRecords('SQLite', async () => {
  const folder = new TemporaryFolder();
  cleanUps.push(() => folder.remove());
  return () => {
    const file = new SqliteFile(folder.database);
    cleanUps.unshift(() => file.close());
    return new SqliteRequestRecords(file);
  };
});

describe('on a cluster of three', () => {
  const place = redisClusterPlace(3);
  describeRequestRecords('Redis cluster', async () => () => new RedisRequestRecords(place.redis));
});

describe('on redis-server', () => {
  const place = redisPlace();
  describeRequestRecords('Redis', async () => () => new RedisRequestRecords(place.redis));

  it('has nothing beside the records that are kept, but for the number of a batch', async () => {
    const store = new RedisRequestRecords(place.redis);
    for (let n = 1; n <= 30; n += 1) {
      const entries = Array.from({ length: 10 }, (_, i) => recordEntry(`r${n}-${i}`, `user-${i}`.padEnd(22, '-')));
      await store.add({ writer: 'one', number: n, entries, keep: 15 });
      await store.judge((await store.page(null, 1))[0]!.place, '{}');
    }
    const sizes = await place.redis.run(async (client) => ({
      stream: await client.xlen('{activity}:requests'),
      ids: await client.hlen('{activity}:request-ids'),
      feedback: await client.hlen('{activity}:feedback'),
      keys: (await client.keys('*')).sort(),
      kept: await client.ttl('{activity}:batches:one'),
    }));
    expect(sizes).toEqual({
      stream: 15,
      ids: 15 + 10,
      feedback: 2,
      keys: ['{activity}:batches:one', '{activity}:feedback', '{activity}:request-ids', '{activity}:requests'],
      kept: expect.any(Number),
    });
    expect(sizes.kept).toBeGreaterThan(0);
  });

  it('writes a batch once when a frozen server has taken it and nobody heard so', async () => {
    const store = new RedisRequestRecords(place.redis);
    const batch = (number: number) => ({ writer: 'one', number, entries: [recordEntry(`r${number}`)], keep: 100 });
    await store.add(batch(1));
    place.servers.freeze();
    await expect(store.add(batch(2))).rejects.toThrow(StoreUnavailable); // it lies in the socket, and runs later
    place.servers.thaw();
    await eventually('written', 10_000, async () => {
      try {
        await store.add(batch(2));
        return true;
      } catch (error) {
        if (error instanceof StoreUnavailable) return false;
        throw error;
      }
    });
    expect((await store.page(null, 10)).map(({ text }) => text)).toEqual([2, 1].map((n) => recordEntry(`r${n}`).text));
  });
});
