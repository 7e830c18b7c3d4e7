import { Logger } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import type { Caller, CallerLimits } from '../../common/caller.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import type { MemoryQuotaLedger } from './adapters/memory.quota-ledger.js';
import type { OpenLease, RedisQuotaLedger } from './adapters/redis.quota-ledger.js';
import type { MonthlySpend } from './monthly-spend.js';
import { QuotaLedger, userKey, type QuotaUse, type RateLimitHeaders } from './quota-ledger.js';
import type { QuotaNeed } from './quota.messages.js';
import type { ReplicaRoll } from './replica-roll.js';
import { TakenAlone, type AloneBucket } from './taken-alone.js';
import { UnbookedSpend, type Booking } from './unbooked-spend.js';

/** A third of the life of a lease: one renewal may fail. */
const RENEW_EVERY_MS = 10_000;
const BOOK_EVERY_MS = 1_000;
/** Longer than any request: a lease whose end was never told must not be renewed for ever. */
const RENEWED_AT_MOST_MS = 3_600_000;
const SHARE_REMARK = ' This is a share of your limit: the count over all servers cannot be used at the moment.';

const NO_TOKENS = { tokens: 0 };

/** `doubtful`: Redis was asked and did not say; it may hold a lease. */
type LeasePlace = 'shared' | 'doubtful' | 'alone';

interface OpenRequest {
  readonly caller: Caller;
  readonly need: QuotaNeed;
  readonly at: number;
  place: LeasePlace;
  /** Where it waits to be counted by Redis. */
  readonly bucket: AloneBucket | null;
}

export interface SharedQuotaParts {
  readonly shared: RedisQuotaLedger;
  /** Counts along while `shared` works, so that it knows this replica's part when it has to do alone. */
  readonly own: MemoryQuotaLedger;
  /** Each month's spend as `shared` last told it. */
  readonly known: MonthlySpend;
  /** What `shared` has not confirmed yet; the spend that `own` counts. */
  readonly unconfirmed: MonthlySpend;
  readonly roll: Pick<ReplicaRoll, 'count'>;
  /** Whether a call of `shared` would be sent at all. */
  readonly usable: () => boolean;
  readonly now?: () => number;
}

/**
 * Limits over all replicas: counted in Redis; while it is away every replica lets in its share, limit / replicas. Costs
 * of that time are booked when Redis is back.
 */
export class SharedQuotaLedger extends QuotaLedger {
  private readonly logger = new Logger('quota');
  /** Running requests, by id of their lease. */
  private readonly open = new Map<string, OpenRequest>();
  private readonly takenAlone = new TakenAlone();
  private readonly unbooked = new UnbookedSpend();
  private readonly settling = new Set<Promise<void>>();
  private readonly background = new BackgroundWork('quota');
  private readonly now: () => number;
  private alone = false;

  constructor(private readonly parts: SharedQuotaParts) {
    super();
    this.now = parts.now ?? Date.now;
  }

  start(): void {
    this.background.repeat('renewing leases', RENEW_EVERY_MS, () => this.renew());
    this.background.repeat('booking what was spent', BOOK_EVERY_MS, () => this.bookWaiting());
    this.background.repeat('handing over what was let in', BOOK_EVERY_MS, () => this.handOverAll());
  }

  async reserve(caller: Caller, need: QuotaNeed, id: string): Promise<RateLimitHeaders> {
    const { shared, own, usable } = this.parts;
    const sent = usable();
    try {
      // On one connection: what was let in before is counted before this one is.
      if (sent && this.takenAlone.has(caller)) await this.handOver(caller);
      const headers = await shared.reserve(caller, need, id);
      this.together();
      this.open.set(id, { caller, need, at: this.now(), place: 'shared', bucket: null });
      own.note(caller, need, id);
      return headers;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.onItsOwn(error);
      const headers = await own.reserve({ ...caller, limits: this.shareOf(caller) }, need, id, SHARE_REMARK);
      const at = this.now();
      const bucket = this.takenAlone.add(caller, tokensOf(need, caller), at, sent ? id : undefined);
      this.open.set(id, { caller, need, at, place: sent ? 'doubtful' : 'alone', bucket });
      return headers;
    }
  }

  async count(caller: Caller): Promise<RateLimitHeaders> {
    const { shared, own, usable } = this.parts;
    const sent = usable();
    try {
      if (sent && this.takenAlone.has(caller)) await this.handOver(caller);
      const headers = await shared.count(caller);
      this.together();
      own.noteRequest(caller);
      return headers;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.onItsOwn(error);
      const headers = await own.count({ ...caller, limits: this.shareOf(caller) }, SHARE_REMARK);
      // without a lease Redis cannot say whether it has counted one that was sent: none is better than two
      if (!sent) this.takenAlone.add(caller, NO_TOKENS, this.now());
      return headers;
    }
  }

  async settle(caller: Caller, id: string, used: QuotaUse): Promise<void> {
    const settled = this.settleBoth(caller, id, used);
    this.settling.add(settled);
    await settled.finally(() => this.settling.delete(settled));
  }

  /** Books what waits; what Redis does not take now waits on. */
  async bookWaiting(): Promise<void> {
    if (this.unbooked.size === 0 || !this.parts.usable()) return;
    for (const booking of this.unbooked.toSend()) {
      if (!(await this.book(booking))) return;
    }
  }

  /** At the end of the process: every request has ended. */
  async close(): Promise<void> {
    await this.background.stop();
    await Promise.allSettled(this.settling);
    await this.bookWaiting();
    if (this.unbooked.size === 0) return;
    const lost = this.unbooked.toSend().reduce((sum, { usd }) => sum + usd, 0);
    this.logger.error(`${lost.toFixed(6)} USD are missing in the monthly budgets: Redis could not be reached`);
  }

  /** Keeps the leases of running requests; a lease that is lost makes room too early, no more. */
  async renew(): Promise<void> {
    const byUser = new Map<string, { readonly caller: Caller; readonly ids: string[] }>();
    for (const [id, { caller, at }] of this.open) {
      if (this.now() - at > RENEWED_AT_MOST_MS) {
        this.open.delete(id);
        continue;
      }
      const user = byUser.get(userKey(caller)) ?? { caller, ids: [] };
      user.ids.push(id);
      byUser.set(userKey(caller), user);
    }
    for (const { caller, ids } of byUser.values()) if (!(await this.renewOf(caller, ids))) return;
  }

  /** Counts in Redis what was let in without it. */
  async handOverAll(): Promise<void> {
    this.takenAlone.forgetOld(this.now());
    for (const caller of this.takenAlone.callers) {
      if (!this.parts.usable() || !(await this.handOver(caller))) return;
    }
  }

  private async handOver(caller: Caller): Promise<boolean> {
    const buckets = this.takenAlone.take(caller, this.now());
    const leases = [...this.open].filter(([, one]) => one.bucket !== null && buckets.includes(one.bucket));
    if (buckets.length === 0) return true;
    if (!(await answered(this.parts.shared.handOver(caller, buckets, this.now())))) {
      this.takenAlone.putBack(caller, buckets);
      return false;
    }
    for (const [, one] of leases) if (one.place === 'alone') one.place = 'doubtful'; // its end is told to Redis from now on
    return this.renewOf(
      caller,
      leases.map(([id]) => id),
    );
  }

  /** Of those that still run: one that ended while others were renewed must not come back. */
  private async renewOf(caller: Caller, ids: readonly string[]): Promise<boolean> {
    const leases: OpenLease[] = [];
    for (const id of ids) {
      const one = this.open.get(id);
      if (!one) continue;
      leases.push({ id, need: one.need, ageMs: this.now() - one.at, isNew: one.place !== 'shared' });
      one.place = one.place === 'shared' ? 'shared' : 'doubtful';
    }
    if (!(await answered(this.parts.shared.renew(caller, leases)))) return false;
    for (const { id } of leases) {
      const one = this.open.get(id);
      if (one) one.place = 'shared';
    }
    return true;
  }

  private async settleBoth(caller: Caller, id: string, used: QuotaUse): Promise<void> {
    const { shared, own, usable } = this.parts;
    const at = this.now();
    const booking = { id, caller, usd: caller.limits.usdPerMonth === undefined ? 0 : Math.max(0, used.usd ?? 0), at };
    const one = this.open.get(id);
    this.open.delete(id);
    const isShared = one !== undefined && one.place !== 'alone';
    // Whether its reservation had arrived shows in its lease, which goes now.
    if (one?.place === 'doubtful' && usable() && this.takenAlone.has(caller)) await this.handOver(caller);
    if (one?.bucket && !isShared && used.tokens !== null)
      one.bucket.tokens += used.tokens - tokensOf(one.need, caller).tokens;
    await own.settle(caller, id, used);
    const sent = usable();
    if ((isShared || booking.usd > 0) && sent && (await answered(shared.settle(caller, id, used, at)))) {
      this.confirm(booking);
    } else if (booking.usd > 0) {
      this.unbooked.add(booking, sent);
    }
  }

  private async book(booking: Booking): Promise<boolean> {
    const { id, caller, usd, at } = booking;
    const arrived = await answered(this.parts.shared.settle(caller, id, { tokens: null, usd }, at));
    if (arrived) {
      this.unbooked.booked(id);
      this.confirm(booking);
    }
    return arrived;
  }

  private confirm({ caller, usd, at }: Booking): void {
    this.parts.unconfirmed.subtract(at, userKey(caller), usd);
  }

  /** What this replica may let in by itself; money: a share of what was left when Redis was last heard. */
  private shareOf({ limits, ...caller }: Caller): CallerLimits {
    const { count } = this.parts.roll;
    const share = (limit: number): number => Math.max(1, Math.floor(limit / count));
    const known = this.parts.known.spent(this.now(), userKey(caller));
    const shares: [keyof CallerLimits, number][] = [];
    for (const name of ['requestsPerMinute', 'tokensPerMinute', 'concurrent'] as const) {
      const limit = limits[name];
      if (limit !== undefined) shares.push([name, share(limit)]);
    }
    if (limits.usdPerMonth !== undefined) shares.push(['usdPerMonth', Math.max(0, limits.usdPerMonth - known) / count]);
    return Object.fromEntries(shares);
  }

  private onItsOwn({ message }: Error): void {
    if (this.alone) return;
    this.alone = true;
    const { count } = this.parts.roll;
    this.logger.warn(`limits are counted by this replica alone, as one of ${count} (${message})`);
  }

  private together(): void {
    if (!this.alone) return;
    this.alone = false;
    this.logger.log('limits are counted over all replicas again');
  }
}

/** One that is larger than the limit takes all of it. */
const tokensOf = ({ tokens }: QuotaNeed, { limits }: Caller): { tokens: number } => ({
  tokens: Math.min(tokens, limits.tokensPerMinute ?? tokens),
});

/** `false` when the store is away, which its connection has told already. */
async function answered(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    return false;
  }
}
