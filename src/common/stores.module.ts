import { join } from 'node:path';
import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { LiveConfig } from './config/live-config.js';
import { RedisConnection } from './redis/redis-connection.js';
import { SqliteFile } from './sqlite/adapters/sqlite-file.js';
import { AzureTables } from './tables/adapters/azure-tables.js';

/** `router.db` in the folder named by ROUTER_DATA_DIR, else in `data` under the working directory. */
const databasePath = (): string => join(process.env['ROUTER_DATA_DIR'] || 'data', 'router.db');

/**
 * The stores that several modules use, each by one connection: a second one to the embedded database would look to the
 * first like another process that writes. That file is opened on first use, so that a service whose stores are all
 * elsewhere has none. Nest shuts modules down in the order of their distance, this one last.
 */
@Global()
@Module({
  providers: [
    {
      provide: RedisConnection,
      useFactory: (c: LiveConfig) => new RedisConnection(c.current.redis),
      inject: [LiveConfig],
    },
    { provide: AzureTables, useFactory: (c: LiveConfig) => new AzureTables(c.current.tables), inject: [LiveConfig] },
    { provide: SqliteFile, useFactory: () => new SqliteFile(databasePath()) },
  ],
  exports: [RedisConnection, AzureTables, SqliteFile],
})
export class StoresModule implements OnApplicationShutdown {
  constructor(
    private readonly redis: RedisConnection,
    private readonly tables: AzureTables,
    private readonly file: SqliteFile,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.tables.close();
    this.file.close();
    await this.redis.close();
  }
}
