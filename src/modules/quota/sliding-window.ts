/** Length of the window, milliseconds: limits are per minute. */
export const WINDOW_MS = 60_000;
/** Hits this close together share a bucket, so a window holds at most 241 of them however many hits there are. */
const BUCKET_MS = 250;

/** Some weight that was used at about one time. */
export interface Bucket {
  readonly startedAt: number;
  /** The latest hit; the whole bucket leaves the window with it, up to 250 ms late and never early. */
  lastAt: number;
  weight: number;
}

/**
 * How much was used within the last 60 s, at every moment and not by the calendar minute: a burst across a boundary
 * cannot be twice the limit. Times are milliseconds of one clock that never goes back; the caller passes them.
 */
export class SlidingWindow {
  private buckets: Bucket[] = [];
  private sum = 0;

  /** Counts `weight` at `now`; the bucket can be handed back to `giveBack`. */
  add(now: number, weight: number): Bucket {
    this.forget(now);
    this.sum += weight;
    const last = this.buckets.at(-1);
    if (last && now - last.startedAt < BUCKET_MS) {
      last.lastAt = now;
      last.weight += weight;
      return last;
    }
    const bucket = { startedAt: now, lastAt: now, weight };
    this.buckets.push(bucket);
    return bucket;
  }

  /** Takes back what was counted in `bucket` and not used after all; too late, it changes nothing. */
  giveBack(now: number, bucket: Bucket, weight: number): void {
    this.forget(now);
    if (!this.buckets.includes(bucket)) return;
    bucket.weight -= weight;
    this.sum -= weight;
  }

  total(now: number): number {
    this.forget(now);
    return this.sum;
  }

  /** Milliseconds until `weight` more fits under `limit`; 0 = now. More than the limit fits when nothing else is in. */
  fitsIn(now: number, weight: number, limit: number): number {
    let excess = this.total(now) + Math.min(weight, limit) - limit;
    if (excess <= 0) return 0;
    for (const bucket of this.buckets) {
      excess -= bucket.weight;
      if (excess <= 0) return bucket.lastAt + WINDOW_MS - now;
    }
    return WINDOW_MS;
  }

  /** Milliseconds until nothing of what was counted is left. */
  emptyIn(now: number): number {
    this.forget(now);
    const last = this.buckets.findLast((bucket) => bucket.weight > 0);
    return last ? last.lastAt + WINDOW_MS - now : 0;
  }

  private forget(now: number): void {
    let gone = 0;
    for (let bucket = this.buckets[0]; bucket && bucket.lastAt + WINDOW_MS <= now; bucket = this.buckets[gone]) {
      this.sum -= bucket.weight;
      gone += 1;
    }
    if (gone > 0) this.buckets.splice(0, gone);
  }
}
