import { randomUUID } from 'node:crypto';
import type { Caller } from '../../common/caller.js';
import { monthName } from './monthly-spend.js';
import { userKey } from './quota-ledger.js';
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

/** A request between its reservation and its end. */
export interface RunningRequest {
  readonly id: string;
  readonly caller: Caller;
  readonly need: QuotaNeed;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Whether Redis has its lease; `maybe`: it was asked and did not say. */
  inRedis: 'yes' | 'maybe' | 'no';
  /** Where it waits to be counted by Redis. */
  readonly bucket: UncountedBucket | null;
}

interface UncountedUser {
  readonly caller: Caller;
  readonly buckets: UncountedBucket[];
}

/**
 * What this replica let in while the count over all replicas could not be used: it counts there too, as soon as it can.
 * Bounded by what one minute lets in, where `forgetOld` is called now and then.
 */
export class UncountedRequests {
  private readonly users = new Map<string, UncountedUser>();

  get callers(): Caller[] {
    return [...this.users.values()].map(({ caller }) => caller);
  }

  has(caller: Caller): boolean {
    return this.users.size > 0 && this.users.has(userKey(caller));
  }

  /**
   * @param doubtful id of the lease, when Redis may have counted the request
   * @returns where the request is counted; its tokens may still be corrected there
   */
  add(caller: Caller, tokens: number, now: number, doubtful: string | null): UncountedBucket {
    const user = this.users.get(userKey(caller)) ?? { caller, buckets: [] };
    this.users.set(userKey(caller), user);
    while (user.buckets[0] && user.buckets[0].at + WINDOW_MS <= now) user.buckets.shift();
    const last = user.buckets.at(-1);
    const shares = last && !doubtful && !last.doubtful && now - last.at < BUCKET_MS;
    const bucket = shares ? last : { at: now, requests: 0, tokens: 0, doubtful };
    if (bucket !== last) user.buckets.push(bucket);
    bucket.requests += 1;
    bucket.tokens += tokens;
    return bucket;
  }

  /** Hands out what is still in the window and forgets it. */
  take(caller: Caller, now: number): UncountedBucket[] {
    const user = this.users.get(userKey(caller));
    this.users.delete(userKey(caller));
    return (user?.buckets ?? []).filter(({ at }) => at + WINDOW_MS > now);
  }

  /** It could not be counted. */
  putBack(caller: Caller, buckets: readonly UncountedBucket[]): void {
    const newer = this.users.get(userKey(caller))?.buckets ?? [];
    this.users.set(userKey(caller), { caller, buckets: [...buckets, ...newer] });
  }

  /** What has left the window is of no interest, and users of whom nothing is left neither. */
  forgetOld(now: number): void {
    for (const [key, { buckets }] of this.users) {
      if ((buckets.at(-1)?.at ?? 0) + WINDOW_MS <= now) this.users.delete(key);
    }
  }
}

/** A cost that the count over all replicas does not know of for sure. */
export interface Booking {
  /** Names it, so that a repeated call books it once. */
  readonly id: string;
  readonly caller: Caller;
  readonly usd: number;
  /** Milliseconds since 1970; names the month. */
  readonly at: number;
}

/**
 * Costs that wait to be booked over all replicas. One that may have arrived keeps its id; those that certainly have not
 * are summed up by user and month, so that a long outage takes no more room than there are users.
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
    const place = `${monthName(booking.at)}|${userKey(booking.caller)}`;
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
