import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { BackgroundWork } from '../../../common/background-work.js';
import { FailureEpisode } from '../../../common/logging/failure-episode.js';
import { shortly } from '../../../common/store-guard.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { MOST_ENTRIES_OF_BATCH, type RecordBatch, type RecordEntry, type RequestRecords } from './request-records.js';

/** Records are gathered for so long, so that many share a round trip or a commit; what a `kill -9` can lose, milliseconds. */
export const GATHERED_MS = 20;
/** After a store was away it is asked again so often, milliseconds. */
const RETRY_MS = 500;
/** How long a shutdown tries to write the rest, and between two tries, milliseconds. */
const LAST_TRY_MS = 5_000;
const TRY_AGAIN_MS = 100;
/** What waits for a store that is away; the oldest are dropped. */
const MOST_WAITING = 10_000;
const MOST_WAITING_CHARACTERS = 16 * 1024 * 1024;
/** A full buffer makes room for so many at once: taking them from the front one by one would move all others each time. */
const ROOM = MOST_WAITING / 10;

/** Replies that the connection to Redis tells of by itself, as they meet others as well. */
const TOLD_BY_CONNECTION = /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|NOAUTH|WRONGPASS|MOVED|OOM|MISCONF|NOPERM)/;

const WRITING = 'writing request records';

/** Brings the records of this replica to the store, behind the answers, each once. A store that is away costs bounded memory. */
export class RecordWriter {
  private readonly logger = new Logger('records');
  private readonly background = new BackgroundWork('records');
  private readonly writer = randomUUID();
  /** Oldest first; the batch under way is not among them. */
  private waiting: RecordEntry[] = [];
  private waitingCharacters = 0;
  /** May be in the store or not: it is told again, unchanged, until the store confirms it. */
  private batch: RecordBatch | null = null;
  private number = 0;
  private writing: Promise<void> | null = null;
  private isDropping = false;
  private readonly refusing = new FailureEpisode();
  private recordedCount = 0;
  private droppedCount = 0;
  private writtenCount = 0;

  /** @param keep how many records are kept; none are written while it is 0 */
  constructor(
    private readonly store: RequestRecords,
    private readonly keep: () => number,
  ) {}

  /** Records that wait for the store. */
  get unwritten(): number {
    return this.waiting.length + (this.batch?.entries.length ?? 0);
  }

  /** Records that were lost because the store was away for too long. */
  get dropped(): number {
    return this.droppedCount;
  }

  get written(): number {
    return this.writtenCount;
  }

  start(): void {
    this.background.repeat(WRITING, RETRY_MS, () => this.flush());
  }

  record(entry: RecordEntry): void {
    if (this.keep() === 0) return;
    this.waiting.push(entry);
    this.recordedCount += 1;
    this.waitingCharacters += entry.text.length;
    const isFull = this.waiting.length > MOST_WAITING || this.waitingCharacters > MOST_WAITING_CHARACTERS;
    if (isFull) this.makeRoom();
    if (this.waiting.length === 1) this.background.soon(WRITING, GATHERED_MS, () => this.flush());
    else if (this.waiting.length === MOST_ENTRIES_OF_BATCH) this.background.launch(WRITING, () => this.flush());
  }

  /** The newest that waits of this owner with this id, or whatever its id (`null`). */
  find(owner: string, requestId: string | null): RecordEntry | null {
    const isWanted = (entry: RecordEntry): boolean =>
      entry.owner === owner && (requestId === null || entry.requestId === requestId);
    return this.waiting.findLast(isWanted) ?? this.batch?.entries.findLast(isWanted) ?? null;
  }

  /** Writes everything that was recorded before the call. @throws StoreUnavailable */
  async flush(): Promise<void> {
    const wanted = this.recordedCount;
    while (this.writtenCount + this.droppedCount < wanted) {
      this.writing ??= this.writeNext().finally(() => (this.writing = null));
      await this.writing;
    }
  }

  /** Has the store keep as many as the configuration says, though there may be nothing to write. @throws StoreUnavailable */
  async trim(): Promise<void> {
    await this.store.add({ writer: this.writer, number: 0, entries: [], keep: this.keep() });
  }

  /** At the end of the process, when nothing is recorded any more: the rest is written, or told to be lost. */
  async stop(): Promise<void> {
    await this.background.stop();
    const end = performance.now() + LAST_TRY_MS;
    for (;;) {
      try {
        return await this.flush();
      } catch (err) {
        if (!(err instanceof StoreUnavailable)) throw err;
        if (performance.now() < end) await delay(TRY_AGAIN_MS);
        else
          return this.logger.error(
            { err, requests: this.unwritten },
            'request records could not be written and are lost',
          );
      }
    }
  }

  private async writeNext(): Promise<void> {
    this.batch ??= this.nextBatch();
    try {
      await this.store.add(this.batch);
    } catch (error) {
      this.tellRefusal(error as Error);
      throw error;
    }
    const over = this.refusing.worked();
    if (over) this.logger.log(`request records are taken again, ${over}`);
    this.writtenCount += this.batch.entries.length;
    this.batch = null;
    if (!this.isDropping) return;
    this.isDropping = false;
    this.logger.log({ dropped: this.droppedCount }, 'request records are written again');
  }

  /** A store that is well and refuses records alone; that it is away its connection has told. */
  private tellRefusal({ cause }: Error): void {
    if (!(cause instanceof Error) || cause.name !== 'ReplyError' || TOLD_BY_CONNECTION.test(cause.message)) return;
    if (!this.refusing.failed()) return;
    this.logger.warn(
      `the store refuses request records (${shortly(cause)}); they wait here, and the oldest are dropped`,
    );
  }

  private nextBatch(): RecordBatch {
    const entries = this.waiting.splice(0, MOST_ENTRIES_OF_BATCH);
    for (const { text } of entries) this.waitingCharacters -= text.length;
    return { writer: this.writer, number: (this.number += 1), entries, keep: this.keep() };
  }

  private makeRoom(): void {
    const dropped = this.waiting.splice(0, ROOM);
    for (const { text } of dropped) this.waitingCharacters -= text.length;
    this.droppedCount += dropped.length;
    if (!this.isDropping) this.logger.warn('the store of request records is away for too long; the oldest are dropped');
    this.isDropping = true;
  }
}
