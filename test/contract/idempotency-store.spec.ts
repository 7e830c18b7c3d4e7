import type { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { MemoryIdempotencyStore } from '../../src/modules/idempotency/adapters/memory.idempotency-store.js';
import { RedisIdempotencyStore } from '../../src/modules/idempotency/adapters/redis.idempotency-store.js';
import { connectedTo, RedisServer } from '../support/redis-server.js';
import { describeIdempotencyStore } from './idempotency-store.contract.js';

describeIdempotencyStore('memory', async () => new MemoryIdempotencyStore());

describe('on a real redis-server', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await RedisServer.start();
    redis = await connectedTo(server);
  });
  afterAll(async () => {
    await redis.close();
    await server.close();
  });

  describeIdempotencyStore('Redis', async () => {
    await redis.run((client) => client.flushall());
    return new RedisIdempotencyStore(redis);
  });
});
