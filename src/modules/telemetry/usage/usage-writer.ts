import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { BackgroundWork } from '../../../common/background-work.js';
import { StoreRefusal, StoreUnavailable } from '../../../common/store-unavailable.js';
import { LostWriters } from './lost-writers.js';
import { OwnMark } from './own-mark.js';
import { UnwrittenUsage } from './unwritten-usage.js';
import { dayOf, MONTH_CHARACTERS, usdOf, type UsageRow } from './usage-row.js';
import type { UsageStore, WriterMarks } from './usage-store.js';

/** Milliseconds. */
export interface WriterTimes {
  /** Between two rounds of writing: what a `kill -9` can lose. */
  readonly writeEvery: number;
  /** A mark that was not renewed for so long is of a replica that has ended. */
  readonly lostAfter: number;
  /** How long a shutdown tries to write the rest. */
  readonly lastTry: number;
}

const TIMES: WriterTimes = { writeEvery: 10_000, lostAfter: 60_000, lastTry: 5_000 };
const SWEEP_EVERY_MS = 3_600_000;
/** Between two tries at the end, milliseconds. */
const TRY_AGAIN_MS = 200;
/** Places of the store that are written to at the same time. */
const SIDE_BY_SIDE = 4;
/** Full months that are kept beside the current one: at least 400 days in any case. */
const KEPT_MONTHS = 14;

const WRITING = 'writing usage';

/**
 * Brings what this replica counted to the store, every 10 s and at the end, each batch once. A store that is away costs
 * memory, not requests: what waits is merged by key and written when it is back.
 */
export class UsageWriter {
  private readonly logger = new Logger('usage');
  private readonly background = new BackgroundWork('usage');
  private readonly replica = randomUUID();
  readonly unwritten = new UnwrittenUsage(this.replica);
  private readonly mark: OwnMark;
  private readonly lostWriters: LostWriters;
  /** On this machine. */
  private readonly lostHere: LostWriters | null;
  private round: Promise<void> | null = null;
  private nextRound: Promise<void> | null = null;

  /** @param here marks on this machine, where the store is not */
  constructor(
    private readonly store: UsageStore,
    marks: WriterMarks,
    private readonly now: () => number = Date.now,
    private readonly times: WriterTimes = TIMES,
    here: WriterMarks | null = null,
  ) {
    this.mark = new OwnMark(marks, here, this.replica);
    this.lostWriters = new LostWriters(marks, this.replica, times.lostAfter);
    this.lostHere = here && new LostWriters(here, this.replica, times.lostAfter);
  }

  /** Replicas that ended without their last batch, as found by this one. */
  get lostBatches(): number {
    return this.lostWriters.count + (this.lostHere?.count ?? 0);
  }

  start(): void {
    const { writeEvery } = this.times;
    this.background.repeat(WRITING, writeEvery, () => this.flush());
    this.background.repeat('looking for lost usage', writeEvery, () => this.lostWriters.look());
    if (this.lostHere) {
      const { lostHere } = this;
      this.background.repeat('looking for usage lost on this machine', writeEvery, () => lostHere.look());
    }
    this.background.repeat('deleting old usage', SWEEP_EVERY_MS, () => this.store.sweep(this.oldestKeptMonth()));
  }

  /** Counts a request that has ended. */
  record(row: UsageRow): void {
    const now = this.now();
    this.unwritten.add(row, now);
    if (!this.mark.isWanted) this.background.launch('marking usage', () => this.mark.want(new Date(now).toISOString()));
  }

  /**
   * Writes everything that was recorded before the call.
   *
   * @throws StoreUnavailable
   */
  async flush(): Promise<void> {
    if (!this.round) return (this.round = this.write().finally(() => (this.round = null)));
    // The round under way began before: the next one, for all who ask until then.
    this.nextRound ??= this.round
      .catch(() => undefined)
      .then(() => {
        this.nextRound = null;
        return this.flush();
      });
    return this.nextRound;
  }

  /** At the end of the process, when nothing is recorded any more: the rest is written, or told to be lost. */
  async stop(): Promise<void> {
    await this.background.stop();
    const end = performance.now() + this.times.lastTry;
    for (;;) {
      try {
        await this.flush();
        return await this.store.close(this.replica);
      } catch (err) {
        if (performance.now() < end) await delay(TRY_AGAIN_MS);
        else return this.tellLoss(err);
      }
    }
  }

  private async write(): Promise<void> {
    const beganAt = new Date(this.now()).toISOString();
    const places = [...this.unwritten.cut()];
    const failures: unknown[] = [];
    const line = async (): Promise<void> => {
      for (let place = places.pop(); place !== undefined; place = places.pop()) {
        try {
          await this.writePlace(place);
        } catch (error) {
          failures.push(error);
          if (!(error instanceof StoreRefusal)) places.length = 0; // the others would fare the same
        }
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, line));
    if (failures.length > 0) return this.fail(failures[0]);
    if (!this.unwritten.isEmpty) return this.mark.want(beganAt);
    await this.mark.drop();
    if (!this.unwritten.isEmpty) await this.mark.want(beganAt);
  }

  /** Some is not written: its replica lives all the same, and says so. */
  private async fail(error: unknown): Promise<never> {
    const { oldestAt } = this.unwritten;
    try {
      await this.mark.want(new Date(oldestAt ?? this.now()).toISOString());
    } catch (markError) {
      if (!(markError instanceof StoreUnavailable)) throw markError;
    }
    throw error;
  }

  private async writePlace(place: string): Promise<void> {
    for (let batch = this.unwritten.next(place); batch; batch = this.unwritten.next(place)) {
      await this.store.add(batch);
      this.unwritten.confirm(place);
    }
  }

  private oldestKeptMonth(): string {
    const date = new Date(this.now());
    return dayOf(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - KEPT_MONTHS)).slice(0, MONTH_CHARACTERS);
  }

  private tellLoss(err: unknown): void {
    const { requests, costNanoUsd } = this.unwritten.total;
    if (this.unwritten.isEmpty) return this.logger.warn({ err }, 'the end of this replica could not be noted');
    this.logger.error({ err, requests, cost_usd: usdOf(costNanoUsd) }, 'usage could not be written and is lost');
  }
}
