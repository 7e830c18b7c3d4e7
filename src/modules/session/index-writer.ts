import { FailureEpisode } from '../../common/logging/failure-episode.js';
import { LineLimit } from '../../common/logging/line-limit.js';
import { ownWords } from '../../common/logging/outside-text.js';
import { Logger } from '@nestjs/common';
import { ifAvailable, StoreRefusal, StoreUnavailable } from '../../common/store-unavailable.js';
import { inTime } from '../../common/in-time.js';
import { BackgroundWork } from '../../common/background-work.js';
import type { SessionIndex } from './session-index.js';
import { sessionName, type SessionKey } from '../../common/session-id.js';
import { wasErased, type StoredTurn } from './stored-turn.js';
import { MOST_TRIES } from './turn-outbox.js';
import type { TurnStore } from './turn-store.js';

const MAX_WAITING = 10_000;
const RETRY_MS = 500;
const AT_ONCE = 4;
/** What a reader waits for the list, milliseconds. */
const FLUSH_MS = 250;
/** What a shutdown waits for the list, milliseconds. */
const CLOSE_MS = 5_000;
/** Whoever hands in a turn has just looked whether its session was erased; that holds for so long, milliseconds. */
const JUST_LOOKED_MS = 50;

interface Job {
  readonly key: SessionKey;
  readonly turn: StoredTurn;
  /** `performance.now()` milliseconds. */
  readonly since: number;
  refusals: number;
}

/**
 * Keeps the list of sessions up to date behind the requests: the turn itself is safe by then, and nobody should wait
 * for a title. Bounded; the oldest is dropped, with a line in the log, when the index is away for long.
 */
export class IndexWriter {
  private readonly logger = new Logger('session');
  private waiting: Job[] = [];
  private working: Promise<void> | null = null;
  private readonly background = new BackgroundWork('session');
  private resting = false;
  private readonly dropping = new FailureEpisode();
  private readonly lines = new LineLimit('session');

  constructor(
    private readonly index: SessionIndex,
    private readonly turnStore: TurnStore,
  ) {}

  /** The caller has just looked whether the session was erased since the turn began. */
  record(key: SessionKey, turn: StoredTurn): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.waiting.shift();
      if (this.dropping.failed())
        this.logger.error('the list of sessions misses turns: its store is away for too long');
    }
    this.waiting.push({ key, turn, since: performance.now(), refusals: 0 });
    if (!this.resting) this.background.launch('recording sessions', () => this.work());
  }

  /** Resolves when everything is recorded, or after `withinMs`: readers see what this replica has just stored. */
  async flush(withinMs = FLUSH_MS): Promise<void> {
    await inTime(this.work(), withinMs, null);
  }

  /** At the end of the process. */
  async close(): Promise<void> {
    await this.flush(CLOSE_MS);
    this.background.cancel();
    if (this.waiting.length > 0) this.logger.error(`the list of sessions misses ${this.waiting.length} turns`);
  }

  /** @param erasedAt turns of requests that began later stay */
  forget(erased: SessionKey, erasedAt: number): void {
    const name = sessionName(erased);
    this.waiting = this.waiting.filter(({ key, turn }) => sessionName(key) !== name || !wasErased(turn, erasedAt));
  }

  private work(): Promise<void> {
    this.working ??= this.recordAll().finally(() => (this.working = null));
    return this.working;
  }

  private async recordAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, AT_ONCE);
      const failed = (await Promise.all(batch.map((job) => this.recordOne(job)))).filter((job) => job !== null);
      if (failed.length === 0) continue;
      this.waiting.unshift(...failed);
      this.resting = true;
      this.background.soon('recording sessions', RETRY_MS, () => {
        this.resting = false;
        return this.work();
      });
      return;
    }
  }

  /** A job may have waited while another replica erased its session. While the turn store is away, nobody can tell. */
  private async wasErased({ key, turn, since }: Job): Promise<boolean> {
    if (performance.now() - since < JUST_LOOKED_MS) return false;
    return wasErased(turn, await ifAvailable(() => this.turnStore.erasedAt(key), null));
  }

  private async recordOne(job: Job): Promise<Job | null> {
    try {
      if (!(await this.wasErased(job))) await this.index.record(job.key, job.turn);
      const over = this.dropping.worked();
      if (over) this.logger.log(`the list of sessions takes turns again, ${over}`);
      return null;
    } catch (error) {
      this.logger.debug(`list of sessions: ${ownWords(error)}`);
      if (error instanceof StoreUnavailable && !(error instanceof StoreRefusal)) return job;
      job.refusals += 1;
      if (job.refusals < MOST_TRIES) return job;
      const { id } = job.turn.turn;
      const isTold = this.lines.allows('turns that the list of sessions misses');
      const why = `its store refuses it (${ownWords(error)})`;
      this.logger[isTold ? 'error' : 'debug'](`the list of sessions misses turn ${id}: ${why}`);
      return null;
    }
  }
}
