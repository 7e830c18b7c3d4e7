import { setTimeout } from 'node:timers/promises';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import type { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { tablesConnection } from '../../src/common/tables/adapters/tables-client.js';
import { RedisReplicaBoard } from '../../src/modules/quota/adapters/redis.replica-board.js';
import { TablesReplicaBoard } from '../../src/modules/quota/adapters/tables.replica-board.js';
import type { ReplicaBoard } from '../../src/modules/quota/replica-board.js';
import { AzuriteTables } from '../support/azurite-tables.js';
import { connectedTo, RedisServer } from '../support/redis-server.js';
import { eventually } from '../support/router-calls.js';

const LONG_MS = 60_000;
const SHORT_MS = 50;

/** What every board does. @param createBoard an empty one */
function describeReplicaBoard(name: string, createBoard: () => Promise<ReplicaBoard>): void {
  describe(`replica board: ${name}`, () => {
    let board: ReplicaBoard;
    beforeEach(async () => {
      board = await createBoard();
    });

    it('counts every replica once', async () => {
      expect(await board.announce('a', LONG_MS)).toBe(1);
      expect(await board.announce('b', LONG_MS)).toBe(2);
      expect(await board.announce('a', LONG_MS)).toBe(2);
    });

    it('forgets one that leaves, and one that is silent', async () => {
      await board.announce('a', LONG_MS);
      await board.announce('dead', SHORT_MS);
      await board.announce('b', LONG_MS);
      await board.leave('b');
      await board.leave('never came');
      await eventually('only a is left', 5_000, async () => (await board.announce('a', LONG_MS)) === 1);
    });

    it('keeps one that says so in time', async () => {
      for (let n = 0; n < 5; n += 1) {
        await board.announce('a', 2_000);
        await setTimeout(10);
      }
      expect(await board.announce('b', LONG_MS)).toBe(2);
    });
  });
}

describe('on real servers', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let azurite: AzuriteTables;
  const boards: TablesReplicaBoard[] = [];
  beforeAll(async () => {
    [server, azurite] = await Promise.all([RedisServer.start(), AzuriteTables.start()]);
    redis = await connectedTo(server);
  });
  afterAll(async () => {
    for (const board of boards) board.close();
    await redis.close();
    await Promise.all([server.close(), azurite.close()]);
  });

  describeReplicaBoard('Redis', async () => {
    await redis.run((client) => client.flushall());
    return new RedisReplicaBoard(redis);
  });

  describeReplicaBoard('Azure Table Storage', async () => {
    const { tables } = routerConfigSchema.parse({ tables: { connectionString: azurite.connectionString() } });
    const board = new TablesReplicaBoard(tablesConnection(tables, `replicas${boards.length}`));
    boards.push(board);
    return board;
  });
});
