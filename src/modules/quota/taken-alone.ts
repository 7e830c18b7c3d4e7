import type { Caller } from '../../common/caller.js';
import { userKey } from './quota-ledger.js';
import type { QuotaNeed } from './quota.messages.js';
import { WINDOW_MS } from './sliding-window.js';

/** Requests this close together are handed over as one, milliseconds. */
const BUCKET_MS = 250;

/** Requests of about one time that one replica let in by itself. */
export interface AloneBucket {
  /** Milliseconds since 1970. */
  readonly at: number;
  requests: number;
  tokens: number;
  /** Of the one lease that Redis was asked for without saying: counted unless it is there. */
  readonly doubtful?: string;
}

interface AloneUser {
  readonly caller: Caller;
  readonly buckets: AloneBucket[];
}

/**
 * What this replica let in while the count over all replicas could not be used: it counts there too, as soon as it can.
 * Bounded by what one minute lets in, where `forgetOld` is called now and then.
 */
export class TakenAlone {
  private readonly users = new Map<string, AloneUser>();

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
  add(caller: Caller, { tokens }: Pick<QuotaNeed, 'tokens'>, now: number, doubtful?: string): AloneBucket {
    const user = this.users.get(userKey(caller)) ?? { caller, buckets: [] };
    this.users.set(userKey(caller), user);
    while (user.buckets[0] && user.buckets[0].at + WINDOW_MS <= now) user.buckets.shift();
    const last = user.buckets.at(-1);
    const shares = last && !doubtful && !last.doubtful && now - last.at < BUCKET_MS;
    const bucket = shares ? last : { at: now, requests: 0, tokens: 0, ...(doubtful ? { doubtful } : {}) };
    if (bucket !== last) user.buckets.push(bucket);
    bucket.requests += 1;
    bucket.tokens += tokens;
    return bucket;
  }

  /** Hands out what is still in the window and forgets it. */
  take(caller: Caller, now: number): AloneBucket[] {
    const user = this.users.get(userKey(caller));
    this.users.delete(userKey(caller));
    return (user?.buckets ?? []).filter(({ at }) => at + WINDOW_MS > now);
  }

  /** What has left the window is of no interest, and users of whom nothing is left neither. */
  forgetOld(now: number): void {
    for (const [key, { buckets }] of this.users) {
      if ((buckets.at(-1)?.at ?? 0) + WINDOW_MS <= now) this.users.delete(key);
    }
  }

  /** It could not be handed over. */
  putBack(caller: Caller, buckets: readonly AloneBucket[]): void {
    const newer = this.users.get(userKey(caller))?.buckets ?? [];
    this.users.set(userKey(caller), { caller, buckets: [...buckets, ...newer] });
  }
}
