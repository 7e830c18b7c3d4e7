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

interface UncountedAccount {
  readonly account: Account;
  readonly buckets: UncountedBucket[];
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
   * @returns where the request is counted; its tokens may still be corrected there
   */
  add(account: Account, tokens: number, now: number, doubtful: string | null): UncountedBucket {
    const buckets = this.waiting.get(account.key)?.buckets ?? [];
    this.waiting.set(account.key, { account, buckets });
    while (buckets[0] && buckets[0].at + WINDOW_MS <= now) buckets.shift();
    const last = buckets.at(-1);
    const shares = last && !doubtful && !last.doubtful && now - last.at < BUCKET_MS;
    const bucket = shares ? last : { at: now, requests: 0, tokens: 0, doubtful };
    if (bucket !== last) buckets.push(bucket);
    bucket.requests += 1;
    bucket.tokens += tokens;
    return bucket;
  }

  /** Hands out what is still in the window and forgets it. */
  take({ key }: Account, now: number): UncountedBucket[] {
    const found = this.waiting.get(key);
    this.waiting.delete(key);
    return (found?.buckets ?? []).filter(({ at }) => at + WINDOW_MS > now);
  }

  /** It could not be counted. */
  putBack(account: Account, buckets: readonly UncountedBucket[]): void {
    const newer = this.waiting.get(account.key)?.buckets ?? [];
    this.waiting.set(account.key, { account, buckets: [...buckets, ...newer] });
  }

  /** What has left the window is of no interest, and accounts of which nothing is left neither. */
  forgetOld(now: number): void {
    for (const [key, { buckets }] of this.waiting) {
      if ((buckets.at(-1)?.at ?? 0) + WINDOW_MS <= now) this.waiting.delete(key);
    }
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
}
