import { BudgetExceeded, RateLimitExceeded } from '../../common/app-error.js';
import type { Caller, CallerLimits } from '../../common/caller.js';
import { MonthlySpend } from './monthly-spend.js';
import type { QuotaLease } from './quota.messages.js';
import { rateLimitHeaders } from './rate-limit-headers.js';
import { SlidingWindow, WINDOW_MS, type Bucket } from './sliding-window.js';

/** A lease whose end was never told is let go after this, so that a defect cannot lock a user out for ever. */
const LEASE_MAX_MS = 3_600_000;
/** Idle users looked at in one reservation: more than the one it may add, so they cannot pile up. */
const SWEEP_PER_RESERVATION = 2;
/** When a slot comes free is unknown; calls take seconds. */
const RETRY_SLOT_MS = 1000;
const MS_PER_SECOND = 1000;

const UNLIMITED: QuotaLease = Object.freeze({ headers: Object.freeze({}), id: null });

interface UserAccount {
  readonly requests: SlidingWindow;
  readonly tokens: SlidingWindow;
  inFlight: number;
  touchedAt: number;
}

interface Lease {
  readonly user: string;
  readonly account: UserAccount;
  readonly tokens: number;
  readonly bucket: Bucket;
  readonly takenAt: number;
}

/** Milliseconds since 1970 that never go back, unlike `Date.now()` when the clock is set. */
const monotonicNow = (): number => performance.timeOrigin + performance.now();

/** Injective whatever characters a claim may bring: `a|b` + `c` is another user than `a` + `b|c`. */
const userKey = ({ tenant, user }: Caller): string => `${tenant.length}|${tenant}|${user}`;

const isUnlimited = ({ requestsPerMinute, tokensPerMinute, concurrent, usdPerMonth }: CallerLimits): boolean =>
  (requestsPerMinute ?? tokensPerMinute ?? concurrent ?? usdPerMonth) === undefined;

/**
 * What each user of this replica uses: requests and tokens of the last 60 s, calls in flight, money of the month.
 * Limits come with the caller and are never kept, so a reload counts at once. Nothing here waits, so every reservation
 * is atomic.
 */
export class MemoryQuotaLedger {
  /** Longest untouched first. */
  private readonly accounts = new Map<string, UserAccount>();
  /** Oldest first. */
  private readonly leases = new Map<string, Lease>();
  private readonly spend = new MonthlySpend();
  private leaseCount = 0;

  constructor(private readonly now: () => number = monotonicNow) {}

  /** Users whose rate or slots are being counted at this moment. */
  get activeUsers(): number {
    return this.accounts.size;
  }

  /**
   * Takes one request, `tokens` and a slot, all or nothing. A request that alone is larger than `tokensPerMinute` is
   * let in when no other tokens are in the window, and takes it whole: it can be answered, once a minute. Money is not
   * reserved: a user is refused once the month's settled cost has reached the limit, so a limit of 0 refuses all.
   *
   * @throws RateLimitExceeded, BudgetExceeded with `retry-after` and all `x-ratelimit-*` headers
   */
  reserve(caller: Caller, tokens: number): QuotaLease {
    const { limits } = caller;
    if (isUnlimited(limits)) return UNLIMITED;
    const now = this.now();
    this.sweep(now);
    const user = userKey(caller);
    const account = this.touch(now, user);
    const reserved = Math.min(tokens, limits.tokensPerMinute ?? tokens);
    this.refuseOverBudget(now, user, account, limits);
    refuseOverRate(now, account, limits, reserved);
    account.requests.add(now, 1);
    const bucket = account.tokens.add(now, reserved);
    account.inFlight += 1;
    this.leaseCount += 1;
    const id = String(this.leaseCount);
    this.leases.set(id, { user, account, tokens: reserved, bucket, takenAt: now });
    return { headers: headersOf(now, account, limits), id };
  }

  /**
   * Frees the slot of a lease and settles its tokens: what was not used is given back where it was counted, an overrun
   * counts from now on. An unknown or settled lease changes no rate.
   *
   * @param usedTokens `null` = unknown, the estimate stands
   */
  settle(id: string, usedTokens: number | null): void {
    const lease = this.leases.get(id);
    if (!lease) return;
    const now = this.now();
    this.release(id, lease);
    const overrun = Math.max(0, usedTokens ?? lease.tokens) - lease.tokens;
    if (overrun < 0) lease.account.tokens.giveBack(now, lease.bucket, -overrun);
    if (overrun > 0) this.touch(now, lease.user).tokens.add(now, overrun);
  }

  /** Books what an answer cost, also when its lease is long gone. */
  book(caller: Caller, costUsd: number): void {
    if (caller.limits.usdPerMonth !== undefined) this.spend.add(this.now(), userKey(caller), costUsd);
  }

  private refuseOverBudget(now: number, user: string, account: UserAccount, limits: CallerLimits): void {
    const { usdPerMonth } = limits;
    if (usdPerMonth === undefined || this.spend.spent(now, user) < usdPerMonth) return;
    const message = `The budget of ${usdPerMonth} USD for this month (UTC) is used up.`;
    throw new BudgetExceeded(message, this.spend.endsIn(now) / MS_PER_SECOND, headersOf(now, account, limits));
  }

  /** The user's account, moved to the end of the line of those that may be dropped. */
  private touch(now: number, user: string): UserAccount {
    const known = this.accounts.get(user);
    if (known) this.accounts.delete(user);
    const account = known ?? { requests: new SlidingWindow(), tokens: new SlidingWindow(), inFlight: 0, touchedAt: 0 };
    account.touchedAt = now;
    this.accounts.set(user, account);
    return account;
  }

  private release(id: string, lease: Lease): void {
    this.leases.delete(id);
    lease.account.inFlight -= 1;
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

function headersOf(now: number, { requests, tokens }: UserAccount, limits: CallerLimits): Record<string, string> {
  const state = (window: SlidingWindow, limit: number | undefined) =>
    limit === undefined ? null : { limit, used: window.total(now), emptyInMs: window.emptyIn(now) };
  return rateLimitHeaders(state(requests, limits.requestsPerMinute), state(tokens, limits.tokensPerMinute));
}

function refuseOverRate(now: number, account: UserAccount, limits: CallerLimits, tokens: number): void {
  const { requestsPerMinute, tokensPerMinute, concurrent } = limits;
  let wait = { ms: 0, limit: '' };
  const mustWait = (ms: number, limit: string) => {
    if (ms > wait.ms) wait = { ms, limit };
  };
  if (concurrent !== undefined && account.inFlight >= concurrent) {
    mustWait(RETRY_SLOT_MS, `${concurrent} requests at a time`);
  }
  if (requestsPerMinute !== undefined) {
    mustWait(account.requests.fitsIn(now, 1, requestsPerMinute), `${requestsPerMinute} requests per minute`);
  }
  if (tokensPerMinute !== undefined) {
    mustWait(account.tokens.fitsIn(now, tokens, tokensPerMinute), `${tokensPerMinute} tokens per minute`);
  }
  if (wait.ms === 0) return;
  const seconds = Math.ceil(wait.ms / MS_PER_SECOND);
  const message = `The limit of ${wait.limit} is reached. Try again in ${seconds} s.`;
  throw new RateLimitExceeded(message, seconds, headersOf(now, account, limits));
}
