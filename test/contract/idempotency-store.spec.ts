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
    const client = await heard();
    client.disconnect();
    await here.release(key, 'one');
    await ended;
    await other.close();
  });

  it('what else is said on the channel is no news, whether somebody waits or not', async () => {
    const other = await connectedTo(place.servers);
    const there = new RedisIdempotencyStore(other);
    const key = { user: 'alice', name: 'key' };
    const left = new AbortController();
    const noMore = there.ended(key, left.signal);
    const client = await heard();
    left.abort();
    await noMore;
    const say = async (...words: string[]) => {
      for (const word of words) await client.publish('idempotency:ended', word);
    };
    await say('error', 'newListener', 'removeListener', '__proto__');
    const first = there.ended({ user: 'alice', name: 'first' }, new AbortController().signal);
    await say('first');
    await first; // all that was said before is heard
    const ended = there.ended(key, new AbortController().signal);
    await say('error', 'newListener', 'removeListener', key.name);
    await ended;
    client.disconnect();
    await other.close();
  });

  /** Once one listens. */
  async function heard() {
    const client = place.servers.client();
    const listeners = async () => Number((await client.pubsub('NUMSUB', 'idempotency:ended'))[1]);
    await eventually('it listens', 5_000, async () => (await listeners()) > 0);
    return client;
  }
});
