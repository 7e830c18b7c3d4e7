import type { LiveConfig } from '../../common/config/live-config.js';
import type { RedisConnection } from '../../common/redis/redis-connection.js';
import type { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { hasTables, tablesConnection } from '../../common/tables/adapters/tables-client.js';
import { RedisDrainStore } from './adapters/redis.drain-store.js';
import { SqliteDrainStore } from './adapters/sqlite.drain-store.js';
import { TablesDrainStore } from './adapters/tables.drain-store.js';
import type { DrainStore } from './drain-store.js';
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
  const stores: DrainStore[] = [
    ...(redis.configured ? [new RedisDrainStore(redis)] : []),
    hasTables(tables) ? new TablesDrainStore(tablesConnection(tables, TABLE)) : new SqliteDrainStore(database),
  ];
  return new DrainSharing(stores, drains, catalogue);
}
