import { addTo, MONTH_CHARACTERS, NO_COUNTS, type UsageCounts, type UsageRow } from './usage-row.js';
import { MOST_ROWS_OF_BATCH, type UsageBatch } from './usage-store.js';

/** Rows that are held in memory while the store is away: some 15 MB. */
const MOST_ROWS = 50_000;
/** In place of a user, a model and a target, where there were too many of them to be told apart. */
export const MERGED = '*';

/** What waits for one place in the store. */
interface Place {
  readonly month: string;
  readonly tenant: string;
  /** Since the latest batch was made, by user, model, target and day. */
  rows: Map<string, UsageRow>;
  /** When the first of `rows` came, milliseconds since 1970. */
  since: number;
  /** Made, and not confirmed; the oldest first. */
  readonly batches: { readonly batch: UsageBatch; readonly since: number }[];
}

const rowKey = ({ day, user, model, target }: UsageRow): string => `${day}\n${user}\n${model}\n${target}`;

/**
 * The usage that this replica counted and the store does not have yet. Requests of the same key are one row. When there are
 * more rows than memory should hold, what comes with a new key is added to one row for its day and tenant: sums of tenants
 * and days stay exact, and what is lost is who of them it was.
 */
export class UnwrittenUsage {
  private readonly places = new Map<string, Place>();
  private rowCount = 0;
  private batchNumber = 0;
  /** All that waits. */
  readonly total: UsageCounts = { ...NO_COUNTS };
  /** Requests that were added to a row `*`. */
  merged = 0;
  /** Requests for which there was no room at all: as many days and tenants as rows. */
  dropped = 0;

  /** @param mostRows beyond which rows of the same day and tenant become one; twice as many are never held */
  constructor(
    private readonly replica: string,
    private readonly mostRows = MOST_ROWS,
  ) {}

  get isEmpty(): boolean {
    return this.rowCount === 0;
  }

  /** When the oldest request came that is not written, milliseconds since 1970; `null` = there is none. */
  get oldestAt(): number | null {
    let oldest = Infinity;
    for (const { batches, rows, since } of this.places.values()) {
      oldest = Math.min(oldest, batches[0]?.since ?? (rows.size > 0 ? since : Infinity));
    }
    return oldest === Infinity ? null : oldest;
  }

  /** @param now milliseconds since 1970 */
  add(row: UsageRow, now: number): void {
    const place = this.placeOf(row);
    if (!this.put(place, row, this.mostRows)) {
      const merged = { ...row, user: MERGED, model: MERGED, target: MERGED };
      if (!this.put(place, merged, 2 * this.mostRows)) {
        this.dropped += row.requests;
        return;
      }
      this.merged += row.requests;
    }
    if (place.rows.size === 1) place.since = Math.min(place.since, now);
    addTo(this.total, row);
  }

  /** Makes batches of what waits for places that have none. @returns the places with batches, for `next` and `confirm` */
  cut(): readonly string[] {
    const waiting: string[] = [];
    for (const [name, place] of this.places) {
      if (place.batches.length === 0) this.makeBatches(place);
      if (place.batches.length > 0) waiting.push(name);
      else this.places.delete(name);
    }
    return waiting;
  }

  /** The oldest batch of the place. */
  next(place: string): UsageBatch | undefined {
    return this.places.get(place)?.batches[0]?.batch;
  }

  /** The store has the oldest batch of the place. */
  confirm(place: string): void {
    const written = this.places.get(place)?.batches.shift()?.batch;
    if (!written) return;
    this.rowCount -= written.rows.length;
    for (const row of written.rows) subtractFrom(this.total, row);
  }

  private placeOf({ day, tenant }: UsageRow): Place {
    const month = day.slice(0, MONTH_CHARACTERS);
    const name = `${month}|${tenant}`;
    let place = this.places.get(name);
    if (!place) this.places.set(name, (place = { month, tenant, rows: new Map(), since: Infinity, batches: [] }));
    return place;
  }

  /** Whether there was room. */
  private put({ rows }: Place, row: UsageRow, most: number): boolean {
    const key = rowKey(row);
    const found = rows.get(key);
    if (found) {
      addTo(found, row);
      return true;
    }
    if (this.rowCount >= most) return false;
    rows.set(key, { ...row });
    this.rowCount += 1;
    return true;
  }

  private makeBatches(place: Place): void {
    const { replica } = this;
    const { month, tenant, since } = place;
    const all = [...place.rows.values()];
    for (let i = 0; i < all.length; i += MOST_ROWS_OF_BATCH) {
      const rows = all.slice(i, i + MOST_ROWS_OF_BATCH);
      place.batches.push({ batch: { replica, number: (this.batchNumber += 1), month, tenant, rows }, since });
    }
    place.rows = new Map();
    place.since = Infinity;
  }
}

function subtractFrom(sum: UsageCounts, less: UsageCounts): void {
  sum.requests -= less.requests;
  sum.promptTokens -= less.promptTokens;
  sum.completionTokens -= less.completionTokens;
  sum.cachedTokens -= less.cachedTokens;
  sum.costNanoUsd -= less.costNanoUsd;
  sum.savedNanoUsd -= less.savedNanoUsd;
  sum.unpricedRequests -= less.unpricedRequests;
}
