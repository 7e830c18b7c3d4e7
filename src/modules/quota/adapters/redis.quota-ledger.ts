import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { BackgroundWork } from '../../../common/background-work.js';
import type { Caller } from '../../../common/caller.js';
import type { RedisConnection } from '../../../common/redis/redis-connection.js';
import { ifAvailable, StoreUnavailable } from '../../../common/store-unavailable.js';
import { MonthlySpend } from '../monthly-spend.js';
import {
  UnbookedCosts,
  UncountedRequests,
  type Booking,
  type RunningRequest,
  type UncountedBucket,
} from '../quota-backlog.js';
import {
  countedTokens,
  QuotaLedger,
  userKey,
  type QuotaUse,
  type RateLimitHeaders,
  type Taking,
} from '../quota-ledger.js';
import { rateLimitHeaders, refuseOverLimit, shareOf } from '../quota-verdict.js';
import type { ReplicaCount } from '../replica-count.js';
import { MemoryQuotaLedger } from './memory.quota-ledger.js';
import { RedisQuotaCalls, type LedgerClock } from './redis-quota-calls.js';

/** A third of the life of a lease: one renewal may fail. */
const RENEW_EVERY_MS = 10_000;
const CATCH_UP_EVERY_MS = 1_000;
/** Longer than any request: a lease whose end was never told must not be renewed for ever. */
const RENEWED_AT_MOST_MS = 3_600_000;
const REMARK = ' This is a share of your limit: the count over all servers cannot be used at the moment.';

const CLOCK: LedgerClock = { here: Date.now, there: () => '' };

/**
 * What each user uses over all replicas, in Redis; while it is away every replica lets in its share, limit / replicas,
 * and what it let in and what that cost is told when Redis is back. A month's spend that Redis has lost is put back by
 * the replicas that knew it.
 */
export class RedisQuotaLedger extends QuotaLedger implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('quota');
  private readonly background = new BackgroundWork('quota');
  private readonly calls: RedisQuotaCalls;
  /** Each month's spend as Redis last told it. */
  private readonly known = new MonthlySpend();
  /** What Redis has not confirmed yet; the spend that `own` counts. */
  private readonly unconfirmed = new MonthlySpend();
  /** Counts along while Redis works, so that it knows this replica's part when it has to do alone. */
  private readonly own = new MemoryQuotaLedger(this.unconfirmed, REMARK);
  /** By id of the lease. */
  private readonly running = new Map<string, RunningRequest>();
  private readonly uncounted = new UncountedRequests();
  private readonly unbooked = new UnbookedCosts();
  private readonly settling = new Set<Promise<void>>();
  private alone = false;

  constructor(
    private readonly redis: RedisConnection,
    private readonly replicas: Pick<ReplicaCount, 'value'>,
    private readonly clock = CLOCK,
  ) {
    super();
    this.calls = new RedisQuotaCalls(redis, clock);
  }

  onModuleInit(): void {
    this.background.repeat('renewing leases', RENEW_EVERY_MS, () => this.renew());
    this.background.repeat('booking what was spent', CATCH_UP_EVERY_MS, () => this.bookWaiting());
    this.background.repeat('handing over what was let in', CATCH_UP_EVERY_MS, () => this.handOverAll());
  }

  /** Every request has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
    await Promise.allSettled(this.settling);
    await this.bookWaiting();
    if (this.unbooked.size === 0) return;
    const lost = this.unbooked.toSend().reduce((sum, { usd }) => sum + usd, 0);
    this.logger.error(`${lost.toFixed(6)} USD are missing in the monthly budgets: Redis could not be reached`);
  }

  async take(taking: Taking): Promise<RateLimitHeaders> {
    const { caller } = taking;
    const sent = this.redis.usable;
    try {
      // on one connection: what was let in before is counted before this one is
      if (sent && this.uncounted.has(caller)) await this.handOver(caller);
      const headers = await this.takeTogether(taking);
      this.own.note(taking);
      this.begin(taking, 'yes');
      return headers;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.onItsOwn(error);
      return this.takeAlone(taking, sent);
    }
  }

  async settle(caller: Caller, id: string, used: QuotaUse): Promise<void> {
    const work = this.settleEverywhere(caller, id, used);
    this.settling.add(work);
    await work.finally(() => this.settling.delete(work));
  }

  /** Books what waits; what Redis does not take now waits on. */
  async bookWaiting(): Promise<void> {
    if (this.unbooked.size === 0 || !this.redis.usable) return;
    for (const booking of this.unbooked.toSend()) {
      if (!(await this.book(booking, null))) return;
      this.unbooked.booked(booking.id);
    }
  }

  /** Counts in Redis what was let in without it. */
  async handOverAll(): Promise<void> {
    this.uncounted.forgetOld(this.clock.here());
    for (const caller of this.uncounted.callers) {
      if (!this.redis.usable || !(await this.handOver(caller))) return;
    }
  }

  /** Keeps the leases of running requests; a lease that is lost makes room too early, no more. */
  async renew(): Promise<void> {
    const now = this.clock.here();
    for (const [id, { since }] of this.running) if (now - since > RENEWED_AT_MOST_MS) this.running.delete(id);
    const byUser = Map.groupBy(this.running.values(), ({ caller }) => userKey(caller));
    for (const requests of byUser.values()) if (!(await this.renewOf(requests))) return;
  }

  private async takeTogether(taking: Taking): Promise<RateLimitHeaders> {
    const { caller, limits } = taking;
    const now = this.clock.here();
    const user = userKey(caller);
    const { letIn, state } = await this.calls.reserve(taking, this.known.spent(now, user));
    this.known.raise(now, user, state.spentUsd);
    this.together();
    if (!letIn) refuseOverLimit(now, limits, state);
    return rateLimitHeaders(limits, state);
  }

  /** @param sent whether Redis may have counted the request */
  private async takeAlone(taking: Taking, sent: boolean): Promise<RateLimitHeaders> {
    const { caller, limits, need, id } = taking;
    const knownUsd = this.known.spent(this.clock.here(), userKey(caller));
    const headers = await this.own.take({ ...taking, limits: shareOf(limits, this.replicas.value, knownUsd) });
    // without a lease Redis cannot say whether it has counted one that was sent: none is better than two
    if (id === null && sent) return headers;
    const doubtful = sent ? id : null;
    const bucket = this.uncounted.add(caller, countedTokens(need, limits), this.clock.here(), doubtful);
    this.begin(taking, sent ? 'maybe' : 'no', bucket);
    return headers;
  }

  private begin(
    { caller, need, id }: Taking,
    inRedis: RunningRequest['inRedis'],
    bucket: UncountedBucket | null = null,
  ): void {
    if (id !== null) this.running.set(id, { id, caller, need, since: this.clock.here(), inRedis, bucket });
  }

  private async settleEverywhere(caller: Caller, id: string, used: QuotaUse): Promise<void> {
    const { usdPerMonth, tokensPerMinute } = caller.limits;
    const usd = usdPerMonth === undefined ? 0 : Math.max(0, used.usd ?? 0);
    const booking = { id, caller, usd, at: this.clock.here() };
    const request = this.running.get(id);
    this.running.delete(id);
    const mayBeInRedis = request !== undefined && request.inRedis !== 'no';
    // whether its reservation had arrived shows in its lease, which goes now
    if (request?.inRedis === 'maybe' && this.redis.usable && this.uncounted.has(caller)) await this.handOver(caller);
    if (request?.bucket && !mayBeInRedis && used.tokens !== null) {
      request.bucket.tokens += used.tokens - countedTokens(request.need, caller.limits);
    }
    await this.own.settle(caller, id, used);
    if (!mayBeInRedis && usd === 0) return;
    const sent = this.redis.usable;
    if (sent && (await this.book(booking, tokensPerMinute === undefined ? null : used.tokens))) return;
    if (usd > 0) this.unbooked.add(booking, sent);
  }

  /** Ends the lease in Redis and books the cost. @returns whether Redis said that it did */
  private async book(booking: Booking, tokens: number | null): Promise<boolean> {
    const { caller, usd, at } = booking;
    const user = userKey(caller);
    return ifAvailable(async () => {
      this.known.raise(at, user, await this.calls.settle(booking, tokens, this.known.spent(at, user)));
      this.unconfirmed.subtract(at, user, usd);
      return true;
    }, false);
  }

  private async handOver(caller: Caller): Promise<boolean> {
    const buckets = this.uncounted.take(caller, this.clock.here());
    const requests = [...this.running.values()].filter(({ bucket }) => bucket !== null && buckets.includes(bucket));
    if (buckets.length === 0) return true;
    const arrived = await ifAvailable(async () => {
      await this.calls.handOver(caller, buckets);
      return true;
    }, false);
    if (!arrived) {
      this.uncounted.putBack(caller, buckets);
      return false;
    }
    return this.renewOf(requests);
  }

  /** Of those that still run: one that ended while others were renewed must not come back. */
  private async renewOf(requests: readonly RunningRequest[]): Promise<boolean> {
    const running = requests.filter(({ id }) => this.running.has(id));
    const [first] = running;
    if (!first) return true;
    // their end is told to Redis from now on
    for (const request of running) if (request.inRedis === 'no') request.inRedis = 'maybe';
    return ifAvailable(async () => {
      await this.calls.renew(first.caller, running);
      for (const request of running) request.inRedis = 'yes';
      return true;
    }, false);
  }

  private onItsOwn({ message }: Error): void {
    if (this.alone) return;
    this.alone = true;
    this.logger.warn(`limits are counted by this replica alone, as one of ${this.replicas.value} (${message})`);
  }

  private together(): void {
    if (!this.alone) return;
    this.alone = false;
    this.logger.log('limits are counted over all replicas again');
  }
}
