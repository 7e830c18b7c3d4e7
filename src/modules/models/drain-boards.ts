import type { LiveConfig } from '../../common/config/live-config.js';
import type { RedisConnection } from '../../common/redis/redis-connection.js';
import type { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { hasTables, tablesConnection } from '../../common/tables/adapters/tables-client.js';
import { RedisDrainBoard } from './adapters/redis.drain-board.js';
import { SqliteDrainBoard } from './adapters/sqlite.drain-board.js';
import { TablesDrainBoard } from './adapters/tables.drain-board.js';
import type { DrainBoard } from './drain-board.js';
import { DrainSharing } from './drain-sharing.js';
import type { DrainedTargets } from './drained-targets.js';
import type { TargetCatalogue } from './target-catalogue.js';

const TABLE = 'drains';

/** Over every store that the configuration names: Redis is the fastest, a table or the embedded database the safest. */
export function drainSharing(
  { current: { tables } }: LiveConfig,
  redis: RedisConnection,
  database: SqliteFile,
  drains: DrainedTargets,
  catalogue: TargetCatalogue,
): DrainSharing {
  const boards: DrainBoard[] = [
    ...(redis.configured ? [new RedisDrainBoard(redis)] : []),
    hasTables(tables) ? new TablesDrainBoard(tablesConnection(tables, TABLE)) : new SqliteDrainBoard(database),
  ];
  return new DrainSharing(boards, drains, catalogue);
}
