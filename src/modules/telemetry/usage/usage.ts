import { Injectable, type OnModuleInit } from '@nestjs/common';
import { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import { AzureTables, type TablesConnection } from '../../../common/tables/adapters/azure-tables.js';
import { SqliteUsageStore } from '../adapters/sqlite.usage-store.js';
import { SqliteWriterMarks } from '../adapters/sqlite.writer-marks.js';
import { TablesUsageStore } from '../adapters/tables.usage-store.js';
import { TablesWriterMarks } from '../adapters/tables.writer-marks.js';
import type { UsageStore } from './usage-store.js';
import { UsageWriter } from './usage-writer.js';

const TABLE = 'usage';

/** Where usage is kept: Table Storage where it is configured, else the embedded database; and who writes to it. */
@Injectable()
export class Usage implements OnModuleInit {
  readonly store: UsageStore;
  readonly writer: UsageWriter;
  private readonly table: TablesConnection | null;

  constructor(tables: AzureTables, file: SqliteFile) {
    const table = tables.configured ? tables.table(TABLE) : null;
    this.table = table;
    this.store = table ? new TablesUsageStore(table) : new SqliteUsageStore(file);
    const here = new SqliteWriterMarks(file);
    this.writer = table
      ? new UsageWriter(this.store, new TablesWriterMarks(table), Date.now, undefined, here)
      : new UsageWriter(this.store, here);
  }

  onModuleInit(): void {
    this.table?.start();
    this.writer.start();
  }
}
