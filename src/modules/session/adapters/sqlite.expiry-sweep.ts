import { BackgroundWork } from '../../../common/background-work.js';
import { ERASURE_MARK_MS } from '../turn-store.js';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';

const HOUR_MS = 3_600_000;
/** Rows deleted in one go; zeroing a large backlog at once would hold up the event loop. */
const BATCH = 200;
const SWEEP_TURNS = 'DELETE FROM turns WHERE rowid IN (SELECT rowid FROM turns WHERE expires_at <= ? LIMIT ?)';
const SWEEP_SESSIONS = 'DELETE FROM sessions WHERE expires_at <= ?';
const SWEEP_ERASURES = 'DELETE FROM erasures WHERE at <= ?';

/** Gives back the space of expired turns. Reads never return them, so nothing waits for this. */
export class SqliteExpirySweep {
  private readonly background = new BackgroundWork('session');
  private pending: NodeJS.Immediate | null = null;

  /** @param now epoch milliseconds */
  constructor(
    private readonly file: SqliteFile,
    private readonly now: () => number = Date.now,
  ) {}

  /** Sweeps now and every hour; keeps no process alive. */
  start(): void {
    this.sweep();
    this.background.repeat('deleting what has expired', HOUR_MS, () => this.sweep());
  }

  async stop(): Promise<void> {
    if (this.pending) clearImmediate(this.pending);
    await this.background.stop();
  }

  /** Deletes one batch and comes back for the rest; a file that cannot be used is left for the next hour. */
  sweep(): void {
    try {
      const full = this.file.use((prepare) => {
        prepare(SWEEP_SESSIONS).run(this.now());
        prepare(SWEEP_ERASURES).run(this.now() - ERASURE_MARK_MS);
        return Number(prepare(SWEEP_TURNS).run(this.now(), BATCH).changes) === BATCH;
      });
      if (full) this.pending = setImmediate(() => this.sweep());
    } catch {
      // SqliteFile has logged it
    }
  }
}
