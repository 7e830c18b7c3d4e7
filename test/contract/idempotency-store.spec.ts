import { MemoryIdempotencyStore } from '../../src/modules/idempotency/adapters/memory.idempotency-store.js';
import { RedisIdempotencyStore } from '../../src/modules/idempotency/adapters/redis.idempotency-store.js';
import { redisPlace } from '../support/redis-place.js';
import { connectedTo } from '../support/redis-server.js';
import { eventually } from '../support/router-calls.js';
import { describeIdempotencyStore } from './idempotency-store.contract.js';

describeIdempotencyStore('memory', async (bounds) => new MemoryIdempotencyStore(undefined, bounds));

describe('on a real redis-server', () => {
  const place = redisPlace();

  describeIdempotencyStore('Redis', async (bounds) => {
    return new RedisIdempotencyStore(place.redis, bounds);
  });

  it('a replica tells the others', async () => {
    const other = await connectedTo(place.servers);
    const [here, there] = [new RedisIdempotencyStore(place.redis), new RedisIdempotencyStore(other)];
    const key = { user: 'alice', name: 'key' };
    await here.claim(key, 'print', 'one', 60_000);
    const ended = there.ended(key, new AbortController().signal);
    const client = place.servers.client();
    await eventually(
      'it listens',
      5_000,
      async () => Number((await client.pubsub('NUMSUB', 'idempotency:ended'))[1]) > 0,
    );
    client.disconnect();
    await here.release(key, 'one');
    await ended;
    await other.close();
  });
});
