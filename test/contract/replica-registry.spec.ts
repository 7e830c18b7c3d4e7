import { setTimeout } from 'node:timers/promises';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import type { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { AzureTables } from '../../src/common/tables/adapters/azure-tables.js';
import { RedisReplicaRegistry } from '../../src/modules/quota/adapters/redis.replica-registry.js';
import { TablesReplicaRegistry } from '../../src/modules/quota/adapters/tables.replica-registry.js';
import type { ReplicaRegistry } from '../../src/modules/quota/replica-count.js';
import { AzuriteTables } from '../support/azurite-tables.js';
import { connectedTo, RedisServer } from '../support/redis-server.js';
import { eventually } from '../support/router-calls.js';

const LONG_MS = 60_000;
const SHORT_MS = 50;

/** What every registry does. @param createRegistry an empty one */
function describeReplicaRegistry(name: string, createRegistry: () => Promise<ReplicaRegistry>): void {
  describe(`replica registry: ${name}`, () => {
    let registry: ReplicaRegistry;
    beforeEach(async () => {
      registry = await createRegistry();
    });

    it('counts every replica once', async () => {
      expect(await registry.heartbeat('a', LONG_MS)).toBe(1);
      expect(await registry.heartbeat('b', LONG_MS)).toBe(2);
      expect(await registry.heartbeat('a', LONG_MS)).toBe(2);
    });

    it('forgets one that leaves, and one that is silent', async () => {
      await registry.heartbeat('a', LONG_MS);
      await registry.heartbeat('dead', SHORT_MS);
      await registry.heartbeat('b', LONG_MS);
      await registry.deregister('b');
      await registry.deregister('never came');
      await eventually('only a is left', 5_000, async () => (await registry.heartbeat('a', LONG_MS)) === 1);
    });

    it('keeps one that says so in time', async () => {
      for (let n = 0; n < 5; n += 1) {
        await registry.heartbeat('a', 2_000);
        await setTimeout(10);
      }
      expect(await registry.heartbeat('b', LONG_MS)).toBe(2);
    });
  });
}

describe('on real servers', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let azurite: AzuriteTables;
  const accounts: AzureTables[] = [];
  beforeAll(async () => {
    [server, azurite] = await Promise.all([RedisServer.start(), AzuriteTables.start()]);
    redis = await connectedTo(server);
  });
  afterAll(async () => {
    for (const account of accounts) account.close();
    await redis.close();
    await Promise.all([server.close(), azurite.close()]);
  });

  describeReplicaRegistry('Redis', async () => {
    await redis.run((client) => client.flushall());
    return new RedisReplicaRegistry(redis);
  });

  describeReplicaRegistry('Azure Table Storage', async () => {
    const { tables } = routerConfigSchema.parse({ tables: { connectionString: azurite.connectionString() } });
    const account = new AzureTables(tables);
    accounts.push(account);
    return new TablesReplicaRegistry(account.table(`replicas${accounts.length}`));
  });
});
