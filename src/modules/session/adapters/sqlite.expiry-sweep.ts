import { setImmediate } from 'node:timers/promises';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import { ERASURE_MARK_MS } from '../turn-store.js';

/** Rows deleted in one go; zeroing a large backlog at once would hold up the event loop. */
const BATCH = 200;
const SWEEP_TURNS = 'DELETE FROM turns WHERE rowid IN (SELECT rowid FROM turns WHERE expires_at <= ? LIMIT ?)';
const SWEEP_SESSIONS = 'DELETE FROM sessions WHERE expires_at <= ?';
const SWEEP_ERASURES = 'DELETE FROM erasures WHERE at <= ?';

/**
 * Gives back the space of what has expired, in batches. Reads never return it, so nothing waits for this.
 *
 * @param signal ends it before the next batch
 * @param now epoch milliseconds
 * @throws StoreUnavailable
 */
export async function sweepExpired(file: SqliteFile, signal: AbortSignal, now: () => number = Date.now): Promise<void> {
  while (!signal.aborted) {
    const deleted = file.use((prepare) => {
      prepare(SWEEP_SESSIONS).run(now());
      prepare(SWEEP_ERASURES).run(now() - ERASURE_MARK_MS);
      return Number(prepare(SWEEP_TURNS).run(now(), BATCH).changes);
    });
    if (deleted < BATCH) return;
    await setImmediate();
  }
}
