import {
  isMissing,
  isOvertaken,
  TablesPartition,
  type TablesConnection,
} from '../../../common/tables/adapters/azure-tables.js';
import type { WriterMark, WriterMarks } from '../usage/usage-store.js';

/** Sorts behind every month. */
const PARTITION = 'writers';
const TERMS = { deadlineMs: 2_000 };

/** Marks of writers beside the usage in Azure Table Storage. */
export class TablesWriterMarks implements WriterMarks {
  private readonly marks: TablesPartition<{ readonly writtenUntil: string }>;

  constructor(private readonly table: TablesConnection) {
    this.marks = new TablesPartition(table, PARTITION);
  }

  set(replica: string, writtenUntil: string): Promise<void> {
    return this.marks.put(replica, { writtenUntil });
  }

  async all(): Promise<WriterMark[]> {
    const rows = await this.marks.all();
    return rows.map(({ rowKey, writtenUntil, etag }) => ({ replica: rowKey, writtenUntil, version: etag }));
  }

  async remove(replica: string, version = '*'): Promise<boolean> {
    const expected = version === '*' ? isMissing : isOvertaken;
    try {
      await this.table.run(
        (client, abortSignal) => client.deleteEntity(PARTITION, replica, { etag: version, abortSignal }),
        expected,
        TERMS,
      );
      return true;
    } catch (error) {
      if (expected(error)) return false;
      throw error;
    }
  }
}
