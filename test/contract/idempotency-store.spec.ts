import { MemoryIdempotencyStore } from '../../src/modules/idempotency/adapters/memory.idempotency-store.js';
import { RedisIdempotencyStore } from '../../src/modules/idempotency/adapters/redis.idempotency-store.js';
import { redisPlace } from '../support/redis-place.js';
import { describeIdempotencyStore } from './idempotency-store.contract.js';

describeIdempotencyStore('memory', async () => new MemoryIdempotencyStore());

describe('on a real redis-server', () => {
  const place = redisPlace();

  describeIdempotencyStore('Redis', async () => {
    return new RedisIdempotencyStore(place.redis);
  });
});
