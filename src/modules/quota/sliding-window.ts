/** Length of the window, milliseconds: limits are per minute. */
export const WINDOW_MS = 60_000;
/** Hits this close together share a bucket, so a window holds at most 241 of them however many hits there are. */
export const BUCKET_MS = 250;

/** How much of a limit per minute is used. Durations are milliseconds. */
export interface WindowState {
  readonly used: number;
  /** Until nothing is used any more. */
  readonly emptyInMs: number;
  /** Until what is asked for fits; 0 = it fits now. */
  readonly fitsInMs: number;
}

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
  private used = 0;

  /** Counts `weight` at `now`; the bucket can be handed back to `giveBack`. Nothing leaves no trace. */
  add(now: number, weight: number): Bucket {
    if (weight === 0) return { startedAt: now, lastAt: now, weight };
    this.forget(now);
    this.used += weight;
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
    const place = this.buckets.lastIndexOf(bucket);
    if (place === -1) return;
    bucket.weight -= weight;
    this.used -= weight;
    if (bucket.weight <= 0) this.buckets.splice(place, 1);
  }

  /** In the eyes of one who asks for `weight` more. More than the limit fits when nothing else is in. */
  state(now: number, weight: number, limit: number): WindowState {
    this.forget(now);
    const last = this.buckets.at(-1);
    const excess = this.used + Math.min(weight, limit) - limit;
    return {
      used: this.used,
      emptyInMs: last ? last.lastAt + WINDOW_MS - now : 0,
      fitsInMs: excess <= 0 ? 0 : this.leavesIn(now, excess),
    };
  }

  /** Milliseconds until so much has left. */
  private leavesIn(now: number, weight: number): number {
    let left = weight;
    for (const bucket of this.buckets) {
      left -= bucket.weight;
      if (left <= 0) return bucket.lastAt + WINDOW_MS - now;
    }
    return WINDOW_MS;
  }

  private forget(now: number): void {
    let gone = 0;
    for (let bucket = this.buckets[0]; bucket && bucket.lastAt + WINDOW_MS <= now; bucket = this.buckets[gone]) {
      this.used -= bucket.weight;
      gone += 1;
    }
    if (gone > 0) this.buckets.splice(0, gone);
  }
}
