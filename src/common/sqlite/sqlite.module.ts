import { join } from 'node:path';
import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { SqliteFile } from './adapters/sqlite-file.js';

/** `router.db` in the folder named by ROUTER_DATA_DIR, else in `data` under the working directory. */
const databasePath = (): string => join(process.env['ROUTER_DATA_DIR'] || 'data', 'router.db');

/**
 * The embedded database, one connection for all modules: a second one would look to the first like another process that
 * writes. Opened on first use, so that a service whose stores are all elsewhere has no file. Nest shuts modules down in
 * the order of their distance, this one last.
 */
@Global()
@Module({
  providers: [{ provide: SqliteFile, useFactory: () => new SqliteFile(databasePath()) }],
  exports: [SqliteFile],
})
export class SqliteModule implements OnApplicationShutdown {
  constructor(private readonly file: SqliteFile) {}

  onApplicationShutdown(): void {
    this.file.close();
  }
}
