import { setImmediate } from 'node:timers/promises';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import { type RequestRecords, type KeptRecord, type RecordBatch } from '../records/request-records.js';

/** Rows that leave in one go: SQLite blocks the event loop, and streams go through it. */
const MOST_LEAVING = 500;

const ADD = 'INSERT INTO requests (owner, request_id, record) VALUES (?, ?, ?)';
const NOTE_LATEST = 'INSERT OR REPLACE INTO request_owners (owner, id) VALUES (?, ?)';
const NEWEST = 'SELECT max(id) AS id FROM requests';
/** No number is ever left out or used again, so places say how many there are. */
const SWEEP = `DELETE FROM requests WHERE id IN
  (SELECT id FROM requests WHERE id <= ? ORDER BY id LIMIT ${MOST_LEAVING})`;
const SWEEP_LATEST = 'DELETE FROM request_owners WHERE id <= ?';
const COLUMNS = 'SELECT CAST(id AS TEXT) AS place, record AS text, feedback FROM requests';
const FIND = `${COLUMNS} WHERE owner = ? AND request_id = ? ORDER BY id DESC LIMIT 1`;
const FIND_LATEST = `${COLUMNS} WHERE id = (SELECT id FROM request_owners WHERE owner = ?)`;
const PAGE = `${COLUMNS} WHERE id < ? ORDER BY id DESC LIMIT ?`;
const JUDGE = 'UPDATE requests SET feedback = ? WHERE id = ?';

/** Records in the embedded database. */
export class SqliteRequestRecords implements RequestRecords {
  private readonly latestBatches = new Map<string, number>();

  constructor(private readonly file: SqliteFile) {}

  async add({ writer, number, entries, keep }: RecordBatch): Promise<void> {
    if (number > (this.latestBatches.get(writer) ?? 0)) {
      this.write(entries);
      this.latestBatches.set(writer, number); // no reply gets lost here, so memory is enough
    }
    while (this.sweep(keep) === MOST_LEAVING) await setImmediate();
  }

  async find(owner: string, requestId: string | null): Promise<KeptRecord | null> {
    const found = this.file.use((prepare) =>
      requestId === null ? prepare(FIND_LATEST).get(owner) : prepare(FIND).get(owner, requestId),
    );
    return (found as KeptRecord | undefined) ?? null;
  }

  async page(after: string | null, count: number): Promise<KeptRecord[]> {
    const below = after === null ? Number.MAX_SAFE_INTEGER : Number.parseInt(after, 10);
    return this.file.use((prepare) => prepare(PAGE).all(below, count)) as never;
  }

  async judge(place: string, feedback: string): Promise<boolean> {
    return this.file.use((prepare) => prepare(JUDGE).run(feedback, Number.parseInt(place, 10)).changes) === 1;
  }

  private write(entries: RecordBatch['entries']): void {
    this.file.transaction((prepare) => {
      const add = prepare(ADD);
      const latest = new Map<string, number>();
      for (const { owner, requestId, text } of entries) {
        latest.set(owner, Number(add.run(owner, requestId, text).lastInsertRowid));
      }
      for (const [owner, id] of latest) prepare(NOTE_LATEST).run(owner, id);
    });
  }

  /** @returns how many left */
  private sweep(keep: number): number {
    return this.file.transaction((prepare) => {
      const newest = Number(prepare(NEWEST).get()?.['id'] ?? 0);
      if (newest <= keep) return 0;
      prepare(SWEEP_LATEST).run(newest - keep);
      return Number(prepare(SWEEP).run(newest - keep).changes);
    });
  }
}
