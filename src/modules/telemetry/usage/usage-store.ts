import type { UsageRow } from './usage-row.js';

/** What one replica adds to the usage of one tenant in one month. Never changes once it is made. */
export interface UsageBatch {
  readonly replica: string;
  /** Grows with every batch of the replica. */
  readonly number: number;
  /** `yyyy-mm`; that of every row. */
  readonly month: string;
  /** That of every row. */
  readonly tenant: string;
  /** Each key once, at most `MOST_ROWS_OF_BATCH`. */
  readonly rows: readonly UsageRow[];
}

/** One transaction of Table Storage has 100 entities; one of them notes the batch. */
export const MOST_ROWS_OF_BATCH = 50;

export interface UsageRange {
  /** `yyyy-mm-dd`, UTC. */
  readonly from: string;
  /** The last day, `yyyy-mm-dd`. */
  readonly to: string;
  /** `null` = of all. */
  readonly tenant: string | null;
}

/** Usage by day, tenant, user, model and target. Every method rejects with `StoreUnavailable` while it cannot be used. */
export interface UsageStore {
  /**
   * Adds the rows to what is kept: all or none, and once, however often the batch is told. Batches of one replica, month
   * and tenant come in order of their numbers, one after the other.
   */
  add(batch: UsageBatch): Promise<void>;

  /** Every row of the range, in pages, in no order that is promised. */
  pages(range: UsageRange): AsyncIterable<readonly UsageRow[]>;

  /** The replica ends and has no batch left: nothing of it will be told again. */
  close(replica: string): Promise<void>;

  /** Deletes some of what belongs to months before this one. @param month `yyyy-mm` */
  sweep(month: string): Promise<void>;
}

/** A replica says that it has usage which the store does not have. */
export interface WriterMark {
  readonly replica: string;
  /** Everything that ended before was written, ISO 8601 UTC. */
  readonly writtenUntil: string;
  /** Another one after every renewal. */
  readonly version: string;
}

/** Who has usage that is not written yet. Every method rejects with `StoreUnavailable` while it cannot be used. */
export interface WriterMarks {
  /** Sets or renews the mark of a replica. */
  set(replica: string, writtenUntil: string): Promise<void>;

  all(): Promise<readonly WriterMark[]>;

  /** Resolves to whether this call removed it, in the version that is given. @param version left out = in any */
  remove(replica: string, version?: string): Promise<boolean>;
}
