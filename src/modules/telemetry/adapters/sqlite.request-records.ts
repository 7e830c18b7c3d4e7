import { setImmediate } from 'node:timers/promises';
import { BoundedMap } from '../../../common/bounded-map.js';
import { MOST_KEPT_REQUESTS } from '../../../common/config/telemetry.schema.js';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import type { KeptRecord, RecordBatch, RequestRecords } from '../records/request-records.js';

/** Batches that leave, or are read, in one go: SQLite blocks the event loop, and streams go through it. */
const MOST_LEAVING = 20;
const PAGE = 50;

const PLACES = 'SELECT newest, oldest FROM request_places';
const SET_PLACES = 'UPDATE request_places SET newest = ?, oldest = ?';
const ADD = 'INSERT INTO requests (last, first, keys, records) VALUES (?, ?, ?, ?)';
const SWEEP = `DELETE FROM requests WHERE last IN
  (SELECT last FROM requests WHERE last < ? ORDER BY last LIMIT ${MOST_LEAVING})`;
const SWEEP_FEEDBACK = 'DELETE FROM request_feedback WHERE place < ?';
const KEYS = `SELECT first, last, keys FROM requests WHERE last > ? ORDER BY last LIMIT ${PAGE}`;
const BATCH_OF = 'SELECT first, records FROM requests WHERE last >= ? ORDER BY last LIMIT 1';
const FEEDBACK = 'SELECT place, feedback FROM request_feedback WHERE place BETWEEN ? AND ?';
const JUDGE = 'INSERT OR REPLACE INTO request_feedback (place, feedback) VALUES (?, ?)';

/** Of all records that were ever written; what is older than `oldest` is not kept any more. */
interface Places {
  readonly newest: number;
  readonly oldest: number;
}
interface Keys {
  readonly first: number;
  readonly last: number;
  readonly keys: string;
}

/**
 * Records in the embedded database. A batch is one row, and no index of request ids is written: they are random, so each would
 * change a page of its own, at twice the cost of the records (docs/adr/0029). Who looks one up reads the keys that have come since the
 * last look-up.
 */
export class SqliteRequestRecords implements RequestRecords {
  private readonly latestBatches = new Map<string, number>();
  /** `owner/request id`, and `owner/` for his latest, to the place. */
  private readonly known = new BoundedMap<string, number>(2 * MOST_KEPT_REQUESTS);
  private knownUntil = 0;

  constructor(private readonly file: SqliteFile) {}

  async add({ writer, number, entries, keep }: RecordBatch): Promise<void> {
    const isNew = number > (this.latestBatches.get(writer) ?? 0);
    let left = this.write(isNew ? entries : [], keep);
    if (isNew) this.latestBatches.set(writer, number); // no reply gets lost here, so memory is enough
    while (left === MOST_LEAVING) {
      await setImmediate();
      left = this.write([], keep);
    }
  }

  async find(owner: string, requestId: string | null): Promise<KeptRecord | null> {
    await this.readUp();
    const place = this.known.get(`${owner}/${requestId ?? ''}`);
    if (place === undefined) return null;
    return this.below(place + 1, 1).find((record) => record.place === String(place)) ?? null;
  }

  async page(after: string | null, count: number): Promise<KeptRecord[]> {
    return this.below(after === null ? Infinity : placeOf(after), count);
  }

  async judge(place: string, feedback: string): Promise<boolean> {
    const wanted = placeOf(place);
    return this.file.transaction((prepare) => {
      const { newest, oldest } = prepare(PLACES).get() as unknown as Places;
      if (wanted < oldest || wanted > newest) return false;
      prepare(JUDGE).run(wanted, feedback);
      return true;
    });
  }

  /** @returns how many batches left */
  private write(entries: RecordBatch['entries'], keep: number): number {
    return this.file.transaction((prepare) => {
      const before = prepare(PLACES).get() as unknown as Places;
      const newest = before.newest + entries.length;
      const oldest = Math.max(before.oldest, newest - keep + 1);
      if (entries.length > 0) {
        const keys = entries.map(({ owner, requestId }) => `${owner}/${requestId}`).join('\n');
        const records = entries.map(({ text }) => text).join('\n'); // JSON has no line end in it
        prepare(ADD).run(newest, before.newest + 1, keys, records);
      }
      prepare(SET_PLACES).run(newest, oldest);
      if (oldest === before.oldest && entries.length > 0) return 0;
      prepare(SWEEP_FEEDBACK).run(oldest);
      return Number(prepare(SWEEP).run(oldest).changes);
    });
  }

  /** The newest before a place, newest first. */
  private below(place: number, count: number): KeptRecord[] {
    return this.file.use((prepare) => {
      const { newest, oldest } = prepare(PLACES).get() as unknown as Places;
      const found: { place: number; text: string }[] = [];
      let next = Math.min(place - 1, newest);
      while (next >= oldest && found.length < count) {
        const { first, records } = prepare(BATCH_OF).get(next) as { first: number; records: string };
        const texts = records.split('\n');
        for (; next >= Math.max(first, oldest) && found.length < count; next -= 1) {
          found.push({ place: next, text: texts[next - first]! });
        }
      }
      if (found.length === 0) return [];
      const said = prepare(FEEDBACK).all(found.at(-1)!.place, found[0]!.place) as { place: number; feedback: string }[];
      const feedback = new Map(said.map((row) => [row.place, row.feedback]));
      return found.map(({ place: at, text }) => ({ place: String(at), text, feedback: feedback.get(at) ?? null }));
    });
  }

  private async readUp(): Promise<void> {
    for (let isAll = false; !isAll;) {
      isAll = this.file.use((prepare) => {
        const { newest, oldest } = prepare(PLACES).get() as unknown as Places;
        if (newest < this.knownUntil) this.forget(); // another file in its place
        const batches = prepare(KEYS).all(Math.max(this.knownUntil, oldest - 1)) as unknown as Keys[];
        for (const batch of batches) this.note(batch);
        return batches.length < PAGE;
      });
      if (!isAll) await setImmediate();
    }
  }

  private note({ first, last, keys }: Keys): void {
    keys.split('\n').forEach((key, i) => {
      this.known.set(key, first + i);
      this.known.set(key.slice(0, key.indexOf('/') + 1), first + i);
    });
    this.knownUntil = last;
  }

  private forget(): void {
    this.known.clear();
    this.knownUntil = 0;
  }
}

const placeOf = (place: string): number => Number.parseInt(place, 10);
