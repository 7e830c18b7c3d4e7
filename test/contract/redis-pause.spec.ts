import type { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { connectedTo, RedisServer } from '../support/redis-server.js';

/** Nothing else of this process runs meanwhile. */
function pause(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('a pause of the process', () => {
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

  it.each([300, 800])('of %i ms is not taken for a silence of Redis, which has answered meanwhile', async (ms) => {
    const calls = Array.from({ length: 5 }, () => redis.run((client) => client.ping()));
    await new Promise((resolve) => setImmediate(resolve)); // the commands are on their way
    pause(ms);
    expect(await Promise.all(calls)).toEqual(calls.map(() => 'PONG'));
    expect(redis.usable).toBe(true);
  });
});
