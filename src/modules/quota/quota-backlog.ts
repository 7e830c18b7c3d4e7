import { randomUUID } from 'node:crypto';
import type { Account, Accounts } from '../../common/accounts.js';
import { monthName } from './monthly-spend.js';
import type { QuotaNeed } from './quota.messages.js';
import { BUCKET_MS, WINDOW_MS } from './sliding-window.js';

/** Requests of about one time that one replica let in by itself. */
export interface UncountedBucket {
  /** Milliseconds since 1970. */
  readonly at: number;
  requests: number;
  tokens: number;
  /** Of the one lease that Redis was asked for without saying: counted unless it is there. */
  readonly doubtful: string | null;
}

/** What a running request holds of one account. */
export interface RunningPart {
  readonly account: Account;
  /** Whether Redis has its lease; `maybe`: it was asked and did not say. */
  inRedis: 'yes' | 'maybe' | 'no';
  /** Where it waits to be counted by Redis. */
  readonly bucket: UncountedBucket | null;
}

/** A request between its reservation and its end. */
export interface RunningRequest {
  readonly id: string;
  readonly need: QuotaNeed;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly parts: readonly RunningPart[];
}

/** What is handed over in one call. Once it was sent nothing of it changes: a repeated call is the same. */
export interface UncountedBatch {
  readonly id: string;
  readonly buckets: readonly UncountedBucket[];
}

interface UncountedAccount {
  readonly account: Account;
  /** Was sent, and may have arrived. */
  sent: UncountedBatch | null;
  buckets: UncountedBucket[];
}

/**
 * What this replica let in while the count over all replicas could not be used: it counts there too, as soon as it can.
 * Bounded by what one minute lets in, where `forgetOld` is called now and then.
 */
export class UncountedRequests {
  /** By the key of the account. */
  private readonly waiting = new Map<string, UncountedAccount>();

  get accounts(): Account[] {
    return [...this.waiting.values()].map(({ account }) => account);
  }

  has({ key }: Account): boolean {
    return this.waiting.size > 0 && this.waiting.has(key);
  }

  /**
   * @param doubtful id of the lease, when Redis may have counted the request
   * @returns where the request is counted
   */
  add(account: Account, tokens: number, now: number, doubtful: string | null): UncountedBucket {
    const bucket = this.bucketOf(account, now, doubtful);
    bucket.requests += 1;
    bucket.tokens += tokens;
    return bucket;
  }

  /** What a request took turned out to be more, or less. @param difference tokens */
  correct(account: Account, bucket: UncountedBucket, difference: number, now: number): void {
    const waits = this.waiting.get(account.key)?.buckets.includes(bucket) ?? false;
    // what was handed over is told of in addition; what is given back too late is not
    if (waits) bucket.tokens += difference;
    else if (difference > 0) this.bucketOf(account, now, null).tokens += difference;
  }

  /** What goes out next, `null` = nothing. It goes out again, as it is, until it is `counted`. */
  next({ key }: Account, now: number): UncountedBatch | null {
    const found = this.waiting.get(key);
    if (!found) return null;
    if (found.sent) return found.sent;
    const buckets = found.buckets.filter(({ at }) => at + WINDOW_MS > now);
    if (buckets.length === 0) {
      this.waiting.delete(key);
      return null;
    }
    found.buckets = [];
    found.sent = { id: randomUUID(), buckets };
    return found.sent;
  }

  counted({ key }: Account, batch: UncountedBatch): void {
    const found = this.waiting.get(key);
    if (found?.sent !== batch) return;
    found.sent = null;
    if (found.buckets.length === 0) this.waiting.delete(key);
  }

  /** What has left the window is of no interest, and accounts of which nothing is left neither. */
  forgetOld(now: number): void {
    for (const [key, { sent, buckets }] of this.waiting) {
      const latest = buckets.at(-1) ?? sent?.buckets.at(-1);
      if ((latest?.at ?? 0) + WINDOW_MS <= now) this.waiting.delete(key);
    }
  }

  private bucketOf(account: Account, now: number, doubtful: string | null): UncountedBucket {
    let found = this.waiting.get(account.key);
    if (!found) this.waiting.set(account.key, (found = { account, sent: null, buckets: [] }));
    const { buckets } = found;
    while (buckets[0] && buckets[0].at + WINDOW_MS <= now) buckets.shift();
    const last = buckets.at(-1);
    if (last && !doubtful && !last.doubtful && now - last.at < BUCKET_MS) return last;
    const bucket: UncountedBucket = { at: now, requests: 0, tokens: 0, doubtful };
    buckets.push(bucket);
    return bucket;
  }
}

/** A cost that the count over all replicas does not know of for sure. */
export interface Booking {
  /** Names it, so that a repeated call books it once. */
  readonly id: string;
  readonly accounts: Accounts;
  readonly usd: number;
  /** Milliseconds since 1970; names the month. */
  readonly at: number;
}

/** The end of a lease that Redis may have, and has not been told of. */
export interface UntoldEnd extends Booking {
  /** That were used; `null` = as reserved. */
  readonly tokens: number | null;
}

/**
 * Costs that wait to be booked over all replicas. One that may have arrived keeps its id; those that certainly have not
 * are summed up by accounts and month, so that a long outage takes no more room than there are users.
 */
export class UnbookedCosts {
  private readonly doubtful = new Map<string, Booking>();
  private readonly unsent = new Map<string, Booking>();

  get size(): number {
    return this.doubtful.size + this.unsent.size;
  }

  /** @param sent whether it may have been booked */
  add(booking: Booking, sent: boolean): void {
    if (sent) {
      this.doubtful.set(booking.id, booking);
      return;
    }
    const place = JSON.stringify([monthName(booking.at), ...booking.accounts.map(({ key }) => key)]);
    const before = this.unsent.get(place);
    this.unsent.set(place, { ...booking, id: before?.id ?? randomUUID(), usd: booking.usd + (before?.usd ?? 0) });
  }

  /** Everything that waits, about to be sent: it is doubtful until `booked`. */
  toSend(): Booking[] {
    for (const booking of this.unsent.values()) this.doubtful.set(booking.id, booking);
    this.unsent.clear();
    return [...this.doubtful.values()];
  }

  booked(id: string): void {
    this.doubtful.delete(id);
  }

  /** Was sent, and certainly not booked: Redis said so. */
  refused(booking: Booking): void {
    this.doubtful.delete(booking.id);
    this.add(booking, false);
  }
}
