import { randomUUID } from 'node:crypto';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import type { WriterMark, WriterMarks } from '../usage/usage-store.js';

const SET = 'INSERT OR REPLACE INTO usage_writers (replica, written_until, version) VALUES (?, ?, ?)';
const ALL = 'SELECT replica, written_until AS writtenUntil, version FROM usage_writers';
const REMOVE = 'DELETE FROM usage_writers WHERE replica = ? AND (? IS NULL OR version = ?)';

/** Marks of writers in the embedded database, which several processes may share. */
export class SqliteWriterMarks implements WriterMarks {
  constructor(private readonly file: SqliteFile) {}

  async set(replica: string, writtenUntil: string): Promise<void> {
    this.file.use((prepare) => prepare(SET).run(replica, writtenUntil, randomUUID()));
  }

  async all(): Promise<WriterMark[]> {
    if (!this.file.exists) return []; // looking for marks creates no file
    return this.file.use((prepare) => prepare(ALL).all()) as never;
  }

  async remove(replica: string, version?: string): Promise<boolean> {
    const wanted = version ?? null;
    const { changes } = this.file.use((prepare) => prepare(REMOVE).run(replica, wanted, wanted));
    return Number(changes) > 0;
  }
}
