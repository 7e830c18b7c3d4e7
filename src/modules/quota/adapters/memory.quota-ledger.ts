import type { Caller, CallerLimits } from '../../../common/caller.js';
import { MonthlySpend } from '../monthly-spend.js';
import { QuotaLedger, requestsAlone, userKey, type QuotaUse, type RateLimitHeaders } from '../quota-ledger.js';
import type { QuotaNeed } from '../quota.messages.js';
import { headersFor, refuseOverLimit, type QuotaState, type WindowState } from '../quota-verdict.js';
import { SlidingWindow, WINDOW_MS, type Bucket } from '../sliding-window.js';

/** A lease whose end was never told is let go after this, so that a defect cannot lock a user out for ever. */
const LEASE_MAX_MS = 3_600_000;
/** Idle users looked at in one reservation: more than the one it may add, so they cannot pile up. */
const SWEEP_PER_RESERVATION = 2;
const NOTHING: QuotaNeed = { tokens: 0, usd: 0 };

interface UserAccount {
  readonly requests: SlidingWindow;
  readonly tokens: SlidingWindow;
  inFlight: number;
  reservedUsd: number;
  touchedAt: number;
}

interface Lease {
  readonly user: string;
  readonly account: UserAccount;
  readonly tokens: number;
  readonly usd: number;
  readonly bucket: Bucket;
  readonly takenAt: number;
}

/** Milliseconds since 1970 that never go back, unlike `Date.now()` when the clock is set. */
const monotonicNow = (): number => performance.timeOrigin + performance.now();

/** What each user of this replica uses. Nothing here waits, so every reservation is atomic. */
export class MemoryQuotaLedger extends QuotaLedger {
  /** Longest untouched first. */
  private readonly accounts = new Map<string, UserAccount>();
  /** Oldest first. */
  private readonly leases = new Map<string, Lease>();

  constructor(
    private readonly now: () => number = monotonicNow,
    private readonly spend = new MonthlySpend(),
  ) {
    super();
  }

  /** Users whose rate or slots are being counted at this moment. */
  get activeUsers(): number {
    return this.accounts.size;
  }

  /** @param remark ends the message of a refusal */
  async reserve(caller: Caller, need: QuotaNeed, id: string, remark = ''): Promise<RateLimitHeaders> {
    const { limits } = caller;
    const now = this.now();
    this.sweep(now);
    const user = userKey(caller);
    const account = this.touch(now, user);
    refuseOverLimit(now, limits, this.stateOf(now, user, account, limits, need), remark);
    this.take(now, user, account, tokensOf(need, limits), need.usd, id);
    return headersFor(limits, this.stateOf(now, user, account, limits, need));
  }

  /** @param remark ends the message of a refusal */
  async count(caller: Caller, remark = ''): Promise<RateLimitHeaders> {
    const { limits } = requestsAlone(caller);
    const now = this.now();
    this.sweep(now);
    const user = userKey(caller);
    const account = this.touch(now, user);
    refuseOverLimit(now, limits, this.stateOf(now, user, account, limits, NOTHING), remark);
    account.requests.add(now, 1);
    return headersFor(limits, this.stateOf(now, user, account, limits, NOTHING));
  }

  /** Counts what another ledger has counted by `count`. */
  noteRequest(caller: Caller): void {
    const now = this.now();
    this.sweep(now);
    this.touch(now, userKey(caller)).requests.add(now, 1);
  }

  /** Counts what another ledger has let in. */
  note(caller: Caller, need: QuotaNeed, id: string): void {
    const now = this.now();
    this.sweep(now);
    const user = userKey(caller);
    this.take(now, user, this.touch(now, user), tokensOf(need, caller.limits), need.usd, id);
  }

  async settle(caller: Caller, id: string, used: QuotaUse): Promise<void> {
    const now = this.now();
    if (caller.limits.usdPerMonth !== undefined) this.spend.add(now, userKey(caller), used.usd ?? 0);
    const lease = this.leases.get(id);
    if (!lease) return;
    this.release(id, lease);
    const overrun = Math.max(0, used.tokens ?? lease.tokens) - lease.tokens;
    if (overrun < 0) lease.account.tokens.giveBack(now, lease.bucket, -overrun);
    if (overrun > 0) this.touch(now, lease.user).tokens.add(now, overrun);
  }

  private stateOf(
    now: number,
    user: string,
    { requests, tokens, inFlight, reservedUsd }: UserAccount,
    limits: CallerLimits,
    need: QuotaNeed,
  ): QuotaState {
    return {
      requests: windowState(now, requests, 1, limits.requestsPerMinute),
      tokens: windowState(now, tokens, tokensOf(need, limits), limits.tokensPerMinute),
      inFlight,
      spentUsd: this.spend.spent(now, user),
      reservedUsd: need.usd > 0 ? reservedUsd : 0,
    };
  }

  private take(now: number, user: string, account: UserAccount, tokens: number, usd: number, id: string): void {
    account.requests.add(now, 1);
    const bucket = account.tokens.add(now, tokens);
    account.inFlight += 1;
    account.reservedUsd += usd;
    this.leases.set(id, { user, account, tokens, usd, bucket, takenAt: now });
  }

  /** The user's account, moved to the end of the line of those that may be dropped. */
  private touch(now: number, user: string): UserAccount {
    const known = this.accounts.get(user);
    if (known) this.accounts.delete(user);
    const account = known ?? {
      requests: new SlidingWindow(),
      tokens: new SlidingWindow(),
      inFlight: 0,
      reservedUsd: 0,
      touchedAt: 0,
    };
    account.touchedAt = now;
    this.accounts.set(user, account);
    return account;
  }

  private release(id: string, { account, usd }: Lease): void {
    this.leases.delete(id);
    account.inFlight -= 1;
    account.reservedUsd -= usd;
  }

  /** Lets overdue leases go and drops users with nothing in the window and nothing in flight. */
  private sweep(now: number): void {
    for (const [id, lease] of this.leases) {
      if (now - lease.takenAt < LEASE_MAX_MS) break;
      this.release(id, lease);
    }
    let looked = 0;
    for (const [user, account] of this.accounts) {
      if (now - account.touchedAt < WINDOW_MS || looked === SWEEP_PER_RESERVATION) return;
      looked += 1;
      if (account.inFlight > 0) this.touch(now, user);
      else this.accounts.delete(user);
    }
  }
}

/** One that is larger than the limit takes all of it. */
const tokensOf = ({ tokens }: QuotaNeed, { tokensPerMinute }: CallerLimits): number =>
  Math.min(tokens, tokensPerMinute ?? tokens);

const UNLIMITED: WindowState = { used: 0, emptyInMs: 0, fitsInMs: 0 };

function windowState(now: number, window: SlidingWindow, weight: number, limit: number | undefined): WindowState {
  if (limit === undefined) return UNLIMITED;
  return { used: window.total(now), emptyInMs: window.emptyIn(now), fitsInMs: window.fitsIn(now, weight, limit) };
}
