import type { Caller } from '../../../common/caller.js';
import type { MonthlySpend } from '../monthly-spend.js';
import {
  countedTokens,
  QuotaLedger,
  userKey,
  type QuotaUse,
  type RateLimitHeaders,
  type Taking,
} from '../quota-ledger.js';
import { rateLimitHeaders, refuseOverLimit, type QuotaState } from '../quota-verdict.js';
import { SlidingWindow, WINDOW_MS, type Bucket, type WindowState } from '../sliding-window.js';

/** A lease whose end was never told is let go after this, so that a defect cannot lock a user out for ever. */
const LEASE_MAX_MS = 3_600_000;
/** An account moves in the line of those that may be dropped this often at most: V8 copies a map that always changes. */
const TOUCH_MS = 1_000;
/** Idle users looked at in one reservation: more than the one it may add, so they cannot pile up. */
const SWEEP_PER_RESERVATION = 2;
const UNLIMITED: WindowState = Object.freeze({ used: 0, emptyInMs: 0, fitsInMs: 0 });

interface UserAccount {
  readonly user: string;
  readonly requests: SlidingWindow;
  readonly tokens: SlidingWindow;
  inFlight: number;
  reservedUsd: number;
  touchedAt: number;
}

interface Lease {
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
  /** Once a second, and with every reservation while there is something to let go. */
  private sweepAt = -Infinity;

  /**
   * @param spend where costs are counted
   * @param remark ends the message of a refusal
   * @param now milliseconds since 1970 of a clock that never goes back
   */
  constructor(
    private readonly spend: MonthlySpend,
    private readonly remark = '',
    private readonly now = monotonicNow,
  ) {
    super();
  }

  /** Users whose rate or slots are being counted at this moment. */
  get activeUsers(): number {
    return this.accounts.size;
  }

  /** Counts what another ledger has let in. */
  note(taking: Taking): void {
    const now = this.now();
    this.hold(now, this.accountOf(now, taking.caller), taking);
  }

  async settle(caller: Caller, id: string, used: QuotaUse): Promise<void> {
    const now = this.now();
    const { usdPerMonth, tokensPerMinute } = caller.limits;
    if (usdPerMonth !== undefined) this.spend.add(now, userKey(caller), used.usd ?? 0);
    const lease = this.leases.get(id);
    if (!lease) return;
    this.release(id, lease);
    const { account, tokens, bucket } = lease;
    const overrun = tokensPerMinute === undefined ? 0 : Math.max(0, used.tokens ?? tokens) - tokens;
    if (overrun < 0) account.tokens.giveBack(now, bucket, -overrun);
    if (overrun > 0) this.touch(now, account).tokens.add(now, overrun);
  }

  async take(taking: Taking): Promise<RateLimitHeaders> {
    const { caller, limits, need } = taking;
    const now = this.now();
    const account = this.accountOf(now, caller);
    const state = this.stateOf(now, account, taking);
    refuseOverLimit(now, limits, state, this.remark);
    this.hold(now, account, taking);
    const { requests, tokens } = state;
    return rateLimitHeaders(limits, {
      requests: after(requests, 1),
      tokens: after(tokens, countedTokens(need, limits)),
    });
  }

  private stateOf(now: number, account: UserAccount, { limits, need }: Taking): QuotaState {
    const { requestsPerMinute: maxRequests, tokensPerMinute: maxTokens, usdPerMonth } = limits;
    return {
      requests: maxRequests === undefined ? UNLIMITED : account.requests.state(now, 1, maxRequests),
      tokens: maxTokens === undefined ? UNLIMITED : account.tokens.state(now, need.tokens, maxTokens),
      inFlight: account.inFlight,
      spentUsd: usdPerMonth === undefined ? 0 : this.spend.spent(now, account.user),
      reservedUsd: need.usd > 0 ? account.reservedUsd : 0,
    };
  }

  private hold(now: number, account: UserAccount, { limits, need, id }: Taking): void {
    account.requests.add(now, 1);
    if (id === null) return;
    const tokens = countedTokens(need, limits);
    account.inFlight += 1;
    account.reservedUsd += need.usd;
    this.leases.set(id, { account, tokens, usd: need.usd, bucket: account.tokens.add(now, tokens), takenAt: now });
  }

  private accountOf(now: number, caller: Caller): UserAccount {
    this.sweep(now);
    const user = userKey(caller);
    return this.touch(now, this.accounts.get(user) ?? newAccount(user));
  }

  /** Moves an account to the end of the line of those that may be dropped. */
  private touch(now: number, account: UserAccount): UserAccount {
    if (now - account.touchedAt < TOUCH_MS) return account;
    this.accounts.delete(account.user);
    account.touchedAt = now;
    this.accounts.set(account.user, account);
    return account;
  }

  private release(id: string, { account, usd }: Lease): void {
    this.leases.delete(id);
    account.inFlight -= 1;
    account.reservedUsd -= usd;
  }

  /** Lets overdue leases go and drops users with nothing in the window and nothing in flight. */
  private sweep(now: number): void {
    if (now < this.sweepAt) return;
    this.sweepAt = now + TOUCH_MS;
    for (const [id, lease] of this.leases) {
      const overdueAt = lease.takenAt + LEASE_MAX_MS;
      if (now < overdueAt) {
        this.sweepAt = Math.min(this.sweepAt, overdueAt);
        break;
      }
      this.release(id, lease);
    }
    let looked = 0;
    for (const [user, account] of this.accounts) {
      if (now - account.touchedAt < WINDOW_MS + TOUCH_MS) return;
      if (looked === SWEEP_PER_RESERVATION) {
        this.sweepAt = now;
        return;
      }
      looked += 1;
      if (account.inFlight > 0) this.touch(now, account);
      else this.accounts.delete(user);
    }
  }
}

const newAccount = (user: string): UserAccount => ({
  user,
  requests: new SlidingWindow(),
  tokens: new SlidingWindow(),
  inFlight: 0,
  reservedUsd: 0,
  touchedAt: -Infinity,
});

/** Once `weight` was counted now. */
const after = (window: WindowState, weight: number): WindowState =>
  weight === 0 ? window : { used: window.used + weight, emptyInMs: WINDOW_MS, fitsInMs: 0 };
