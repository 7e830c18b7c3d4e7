import type { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { RedisCluster } from './redis-cluster.js';
import { connectedTo, RedisServer } from './redis-server.js';

const START_MS = 30_000;

/** Of the tests of one `describe`; there once they run. */
export interface RedisPlace<Servers> {
  readonly servers: Servers;
  /** The service's own connection. */
  readonly redis: RedisConnection;
}

/** A real redis-server for the tests of the `describe` around, empty before each of them. */
export const redisPlace = (): RedisPlace<RedisServer> =>
  placeOf(
    () => RedisServer.start(),
    (server) => connectedTo(server),
    async ({ redis }) => void (await redis.run((client) => client.flushall())),
  );

/** A real cluster for the tests of the `describe` around, empty before each of them. */
export const redisClusterPlace = (masters: number): RedisPlace<RedisCluster> =>
  placeOf(
    () => RedisCluster.start(masters),
    (cluster) => connectedTo(cluster, true),
    async ({ servers }) => void (await servers.onEach((client) => client.flushall())),
  );

function placeOf<Servers extends { close(): Promise<void> }>(
  start: () => Promise<Servers>,
  connect: (servers: Servers) => Promise<RedisConnection>,
  empty: (place: RedisPlace<Servers>) => Promise<void>,
): RedisPlace<Servers> {
  const place = {} as { servers: Servers; redis: RedisConnection };
  beforeAll(async () => {
    place.servers = await start();
    place.redis = await connect(place.servers);
  }, START_MS);
  beforeEach(() => empty(place));
  afterAll(async () => {
    await place.redis.close();
    await place.servers.close();
  });
  return place;
}
