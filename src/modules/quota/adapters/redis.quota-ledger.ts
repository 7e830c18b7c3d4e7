import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Account, Accounts } from '../../../common/accounts.js';
import { BackgroundWork } from '../../../common/background-work.js';
import { FailureEpisode } from '../../../common/logging/failure-episode.js';
import type { RedisConnection } from '../../../common/redis/redis-connection.js';
import { ifAvailable, StoreUnavailable } from '../../../common/store-unavailable.js';
import type { TellReached } from '../budget-thresholds.js';
import { FullAccounts } from '../full-accounts.js';
import { MonthlySpend } from '../monthly-spend.js';
import {
  UnbookedCosts,
  UncountedRequests,
  type Booking,
  type RunningPart,
  type RunningRequest,
  type UntoldEnd,
} from '../quota-backlog.js';
import { countedTokens, QuotaLedger, type QuotaUse, type RateLimitHeaders, type Taking } from '../quota-ledger.js';
import { rateLimitHeaders, refuseOverLimit, shareOf } from '../quota-verdict.js';
import type { ReplicaCount } from '../replica-count.js';
import { MemoryQuotaLedger } from './memory.quota-ledger.js';
import { LEASE_MS, RedisQuotaCalls, type LedgerClock } from './redis-quota-calls.js';

/** A third of the life of a lease: one renewal may fail. */
const RENEW_EVERY_MS = 10_000;
const CATCH_UP_EVERY_MS = 1_000;
/** Longer than any request: a lease whose end was never told must not be renewed for ever. */
const RENEWED_AT_MOST_MS = 3_600_000;
const REMARK = ' This is a share of your limit: the count over all servers cannot be used at the moment.';

/** Redis is not asked. */
const NOT_NOW = new StoreUnavailable('redis: what was let in before is not counted yet');

const CLOCK: LedgerClock = { here: Date.now, there: () => '' };

/**
 * What users and tenants use over all replicas, in Redis; while it is away every replica lets in its share, limit / replicas,
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
  private readonly own = new MemoryQuotaLedger(this.unconfirmed, null, REMARK);
  /** By id of the lease. */
  private readonly running = new Map<string, RunningRequest>();
  private readonly uncounted = new UncountedRequests();
  private readonly unbooked = new UnbookedCosts();
  private readonly untold = new Map<string, UntoldEnd>();
  private readonly settling = new Set<Promise<void>>();
  private readonly full = new FullAccounts();
  private readonly alone = new FailureEpisode();
  /** `performance.now()` milliseconds. */
  private refusesUntil = -Infinity;

  constructor(
    private readonly redis: RedisConnection,
    private readonly replicas: Pick<ReplicaCount, 'value'>,
    private readonly tell: TellReached,
    private readonly clock = CLOCK,
  ) {
    super();
    this.calls = new RedisQuotaCalls(redis, clock);
  }

  onModuleInit(): void {
    this.background.repeat('renewing leases', RENEW_EVERY_MS, () => this.renew());
    this.background.repeat('booking what was spent', CATCH_UP_EVERY_MS, () => this.bookWaiting());
    this.background.repeat('telling of ended requests', CATCH_UP_EVERY_MS, () => this.tellEnds());
    this.background.repeat('handing over what was let in', CATCH_UP_EVERY_MS, () => this.handOverAll());
  }

  /** Every request has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
    await Promise.allSettled(this.settling);
    await this.bookWaiting();
    await this.tellEnds();
    if (this.unbooked.size === 0) return;
    const lost = this.unbooked.toSend().reduce((sum, { usd }) => sum + usd, 0);
    this.logger.error(`${lost.toFixed(6)} USD are missing in the monthly budgets: Redis could not be reached`);
  }

  async take(taking: Taking): Promise<RateLimitHeaders> {
    const { accounts } = taking;
    this.full.refuse(accounts, this.clock.here());
    let sent = false;
    try {
      // what was let in before is counted before this one is
      for (const account of accounts) if (this.uncounted.has(account) && !(await this.handOver(account))) throw NOT_NOW;
      if (this.refuses) throw NOT_NOW;
      sent = this.redis.usable;
      const headers = await this.takeTogether(taking);
      this.own.note(taking);
      const parts =
        taking.id === null ? [] : accounts.map((account): RunningPart => ({ account, inRedis: 'yes', bucket: null }));
      this.begin(taking, parts);
      return headers;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.onItsOwn(error);
      return await this.takeAlone(taking, sent && !this.isRefusal(error));
    }
  }

  async settle(accounts: Accounts, id: string, used: QuotaUse): Promise<void> {
    const work = this.settleEverywhere(accounts, id, used);
    this.settling.add(work);
    await work.finally(() => this.settling.delete(work));
  }

  /** Books what waits; what Redis does not take now waits on. */
  async bookWaiting(): Promise<void> {
    if (this.unbooked.size === 0 || !this.redis.usable) return;
    for (const booking of this.unbooked.toSend()) {
      const said = await this.book(booking, null);
      if (said === 'refused') this.unbooked.refused(booking);
      if (said !== 'booked') return;
      this.unbooked.booked(booking.id);
    }
  }

  /** Ends the leases whose end Redis has not heard of: they would hold slots and money until they run out. */
  async tellEnds(): Promise<void> {
    for (const [id, end] of this.untold) {
      if (this.clock.here() - end.at < LEASE_MS) {
        if (!this.redis.usable || this.refuses || (await this.book(end, end.tokens)) !== 'booked') return;
      }
      this.untold.delete(id);
    }
  }

  /** Counts in Redis what was let in without it. */
  async handOverAll(): Promise<void> {
    this.uncounted.forgetOld(this.clock.here());
    for (const account of this.uncounted.accounts) if (!(await this.handOver(account))) return;
  }

  /** Keeps the leases of running requests; a lease that is lost makes room too early, no more. */
  async renew(): Promise<void> {
    const now = this.clock.here();
    const byAccount = new Map<string, { account: Account; requests: RunningRequest[] }>();
    for (const request of this.running.values()) {
      if (now - request.since > RENEWED_AT_MOST_MS) this.running.delete(request.id);
      for (const { account } of request.parts) {
        const found = byAccount.get(account.key);
        if (found) found.requests.push(request);
        else byAccount.set(account.key, { account, requests: [request] });
      }
    }
    for (const { account, requests } of byAccount.values()) if (!(await this.renewOf(account, requests))) return;
  }

  private async takeTogether(taking: Taking): Promise<RateLimitHeaders> {
    const { accounts } = taking;
    const now = this.clock.here();
    const { letIn, all } = await this.calls.reserve(taking, ({ key }) => this.known.spent(now, key));
    this.together();
    accounts.forEach(({ key }, i) => {
      const counted = all[i]!;
      this.known.raise(now, key, counted.state.spentUsd);
      if (counted.state.requests.fitsInMs > 0) this.full.note(key, counted, now);
    });
    if (!letIn) refuseOverLimit(now, all);
    return rateLimitHeaders(all);
  }

  /** @param sent whether Redis may have counted the request */
  private async takeAlone(taking: Taking, sent: boolean): Promise<RateLimitHeaders> {
    const { accounts, need, id } = taking;
    const now = this.clock.here();
    const shares = accounts.map(({ owner, key, limits }) => {
      return { owner, key, limits: shareOf(limits, this.replicas.value, this.known.spent(now, key)) };
    });
    let headers: RateLimitHeaders;
    try {
      headers = await this.own.take({ ...taking, accounts: shares });
    } catch (error) {
      // what was sent may take a slot when Redis wakes up
      if (sent && id !== null) this.untold.set(id, { id, accounts, usd: 0, at: now, tokens: 0 });
      throw error;
    }
    // without a lease Redis cannot say whether it has counted one that was sent: none is better than two
    if (id === null && sent) return headers;
    const parts = accounts.map((account): RunningPart => {
      const tokens = countedTokens(need, account.limits);
      const bucket = this.uncounted.add(account, tokens, this.clock.here(), sent ? id : null);
      return { account, inRedis: sent ? 'maybe' : 'no', bucket };
    });
    this.begin(taking, parts);
    return headers;
  }

  private begin({ need, id }: Taking, parts: readonly RunningPart[]): void {
    if (id !== null) this.running.set(id, { id, need, since: this.clock.here(), parts });
  }

  private async settleEverywhere(accounts: Accounts, id: string, used: QuotaUse): Promise<void> {
    const paying = accounts.some(({ limits }) => limits.usdPerMonth !== undefined);
    const usd = paying ? Math.max(0, used.usd ?? 0) : 0;
    const booking = { id, accounts, usd, at: this.clock.here() };
    const request = this.running.get(id);
    this.running.delete(id);
    const parts = request?.parts ?? [];
    for (const { account, inRedis } of parts) {
      // whether its reservation had arrived shows in its lease, which goes now
      if (inRedis === 'maybe' && this.redis.usable && this.uncounted.has(account)) await this.handOver(account);
    }
    for (const { account, inRedis, bucket } of parts) {
      if (request && bucket && inRedis === 'no' && used.tokens !== null) {
        const difference = used.tokens - countedTokens(request.need, account.limits);
        this.uncounted.correct(account, bucket, difference, this.clock.here());
      }
    }
    await this.own.settle(accounts, id, used);
    if (usd === 0 && parts.every(({ inRedis }) => inRedis === 'no')) return;
    const said = this.redis.usable && !this.refuses ? await this.book(booking, used.tokens) : 'refused';
    if (said === 'booked') return;
    if (usd > 0) this.unbooked.add(booking, said === 'doubtful');
    if (parts.some(({ inRedis }) => inRedis !== 'no')) this.untold.set(id, { ...booking, usd: 0, tokens: used.tokens });
  }

  /** Ends the lease in Redis and books the cost. @returns what Redis said; `doubtful` = nothing */
  private async book(booking: Booking, tokens: number | null): Promise<'booked' | 'refused' | 'doubtful'> {
    const { usd, at } = booking;
    try {
      for (const money of await this.calls.settle(booking, tokens, ({ key }) => this.known.spent(at, key))) {
        this.known.raise(at, money.account.key, money.spentUsd);
        this.unconfirmed.subtract(at, money.account.key, usd);
        for (const reached of money.reached) this.tell(reached);
      }
      return 'booked';
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return this.isRefusal(error) ? 'refused' : 'doubtful';
    }
  }

  /** @returns whether all is counted */
  private async handOver(account: Account): Promise<boolean> {
    while (this.uncounted.has(account)) {
      if (!this.redis.usable || this.refuses) return false;
      const batch = this.uncounted.next(account, this.clock.here());
      if (!batch) return true;
      try {
        await this.calls.handOver(account, batch);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        this.isRefusal(error);
        return false;
      }
      this.uncounted.counted(account, batch);
      const isOfBatch = ({ bucket }: RunningPart): boolean => bucket !== null && batch.buckets.includes(bucket);
      const requests = [...this.running.values()].filter(({ parts }) => parts.some(isOfBatch));
      if (!(await this.renewOf(account, requests))) return false;
    }
    return true;
  }

  /** Whether Redis has just said that it does nothing of this kind, so that asking again for each request is of no use. */
  private get refuses(): boolean {
    return performance.now() < this.refusesUntil;
  }

  /** Whether Redis said that it has not done what it was asked; remembered for a second. */
  private isRefusal({ cause }: StoreUnavailable): boolean {
    const isRefused = cause instanceof Error && cause.name === 'ReplyError';
    if (isRefused) this.refusesUntil = performance.now() + CATCH_UP_EVERY_MS;
    return isRefused;
  }

  /** Of those that still run: one that ended while others were renewed must not come back. */
  private async renewOf(account: Account, requests: readonly RunningRequest[]): Promise<boolean> {
    const running = requests.filter(({ id }) => this.running.has(id));
    if (running.length === 0) return true;
    const parts = running.flatMap((request) => request.parts.filter((part) => part.account.key === account.key));
    // their end is told to Redis from now on
    for (const part of parts) if (part.inRedis === 'no') part.inRedis = 'maybe';
    return ifAvailable(async () => {
      await this.calls.renew(account, running);
      for (const part of parts) part.inRedis = 'yes';
      return true;
    }, false);
  }

  private onItsOwn({ message }: Error): void {
    if (!this.alone.failed()) return;
    this.logger.warn(`limits are counted by this replica alone, as one of ${this.replicas.value} (${message})`);
  }

  private together(): void {
    const over = this.alone.worked();
    if (over) this.logger.log(`limits are counted over all replicas again, ${over}`);
  }
}
