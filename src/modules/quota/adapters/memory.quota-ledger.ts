import type { Account, Accounts } from '../../../common/accounts.js';
import { reachedBudgets, type TellReached } from '../budget-thresholds.js';
import type { MonthlySpend } from '../monthly-spend.js';
import { countedTokens, QuotaLedger, type QuotaUse, type RateLimitHeaders, type Taking } from '../quota-ledger.js';
import type { QuotaNeed } from '../quota.messages.js';
import { rateLimitHeaders, refuseOverLimit, type Counted } from '../quota-verdict.js';
import { SlidingWindow, WINDOW_MS, type Bucket, type WindowState } from '../sliding-window.js';

/** A lease whose end was never told is let go after this, so that a defect cannot lock a user out for ever. */
const LEASE_MAX_MS = 3_600_000;
/** What is counted of an account moves in the line of those that may be dropped this often at most: V8 copies a map that always changes. */
const TOUCH_MS = 1_000;
/** Idle accounts looked at for each that is counted: more than the one that may be new, so they cannot pile up. */
const SWEEP_PER_RESERVATION = 2;
const UNLIMITED: WindowState = Object.freeze({ used: 0, emptyInMs: 0, fitsInMs: 0 });

/** What is counted of one account. */
interface Count {
  readonly key: string;
  readonly requests: SlidingWindow;
  readonly tokens: SlidingWindow;
  inFlight: number;
  reservedUsd: number;
  touchedAt: number;
}

/** What a lease holds of one account. */
interface Held {
  readonly account: Account;
  readonly count: Count;
  readonly tokens: number;
  readonly bucket: Bucket;
}

interface Lease {
  readonly held: readonly Held[];
  readonly usd: number;
  readonly takenAt: number;
}

/** Milliseconds that never go back, unlike `Date.now()` when the clock is set; they stand still while the machine sleeps. */
const monotonicNow = (): number => performance.timeOrigin + performance.now();

/** What the users and tenants of this replica use. Nothing here waits, so every reservation is atomic. */
export class MemoryQuotaLedger extends QuotaLedger {
  /** By the key of the account; longest untouched first. */
  private readonly counts = new Map<string, Count>();
  /** Oldest first. */
  private readonly leases = new Map<string, Lease>();
  /** Once a second, and with every reservation while there is something to let go. */
  private sweepAt = -Infinity;

  /**
   * @param spend where costs are counted
   * @param tell who hears of budgets that are nearly used up; `null` = nobody
   * @param remark ends the message of a refusal
   * @param now milliseconds of a clock that never goes back, for what is counted in a minute
   * @param date milliseconds since 1970, for what is counted in a month
   */
  constructor(
    private readonly spend: MonthlySpend,
    private readonly tell: TellReached | null = null,
    private readonly remark = '',
    private readonly now = monotonicNow,
    private readonly date: () => number = Date.now,
  ) {
    super();
  }

  /** Accounts whose rate or slots are being counted at this moment. */
  get activeAccounts(): number {
    return this.counts.size;
  }

  /** Counts what another ledger has let in. */
  note(taking: Taking): void {
    this.hold(this.now(), taking);
  }

  async settle(accounts: Accounts, id: string, used: QuotaUse): Promise<void> {
    const [now, date] = [this.now(), this.date()];
    for (const account of accounts) this.book(date, account, used.usd ?? 0);
    const lease = this.leases.get(id);
    if (!lease) return;
    this.release(id, lease);
    for (const { account, count, tokens, bucket } of lease.held) {
      const isLimited = account.limits.tokensPerMinute !== undefined;
      const overrun = isLimited ? Math.max(0, used.tokens ?? tokens) - tokens : 0;
      if (overrun < 0) count.tokens.giveBack(now, bucket, -overrun);
      if (overrun > 0) this.touch(now, count).tokens.add(now, overrun);
    }
  }

  async take(taking: Taking): Promise<RateLimitHeaders> {
    const { accounts, need } = taking;
    const now = this.now();
    const all = accounts.map((account) => this.counted(now, this.countOf(now, account), account, need));
    refuseOverLimit(this.date(), all, this.remark);
    this.hold(now, taking);
    return rateLimitHeaders(all.map((one) => after(one, need)));
  }

  private book(date: number, account: Account, usd: number): void {
    if (account.limits.usdPerMonth === undefined) return;
    this.spend.add(date, account.key, usd);
    if (!this.tell) return;
    for (const reached of reachedBudgets(account, this.spend.spent(date, account.key), date)) {
      if (this.spend.isFirst(date, `${reached.threshold}|${reached.usdPerMonth}|${account.key}`)) this.tell(reached);
    }
  }

  private counted(now: number, count: Count, { owner, limits }: Account, need: QuotaNeed): Counted {
    const { requestsPerMinute: maxRequests, tokensPerMinute: maxTokens, usdPerMonth } = limits;
    const state = {
      requests: maxRequests === undefined ? UNLIMITED : count.requests.state(now, 1, maxRequests),
      tokens: maxTokens === undefined ? UNLIMITED : count.tokens.state(now, need.tokens, maxTokens),
      inFlight: count.inFlight,
      spentUsd: usdPerMonth === undefined ? 0 : this.spend.spent(this.date(), count.key),
      reservedUsd: need.usd > 0 ? count.reservedUsd : 0,
    };
    return { owner, limits, state };
  }

  private hold(now: number, { accounts, need, id }: Taking): void {
    const held: Held[] = [];
    for (const account of accounts) {
      const count = this.countOf(now, account);
      count.requests.add(now, 1);
      if (id === null) continue;
      const tokens = countedTokens(need, account.limits);
      count.inFlight += 1;
      count.reservedUsd += need.usd;
      held.push({ account, count, tokens, bucket: count.tokens.add(now, tokens) });
    }
    if (id !== null) this.leases.set(id, { held, usd: need.usd, takenAt: now });
  }

  private countOf(now: number, { key }: Account): Count {
    this.sweep(now);
    return this.touch(now, this.counts.get(key) ?? newCount(key));
  }

  /** Moves a count to the end of the line of those that may be dropped. */
  private touch(now: number, count: Count): Count {
    if (now - count.touchedAt < TOUCH_MS) return count;
    this.counts.delete(count.key);
    count.touchedAt = now;
    this.counts.set(count.key, count);
    return count;
  }

  private release(id: string, { held, usd }: Lease): void {
    this.leases.delete(id);
    for (const { count } of held) {
      count.inFlight -= 1;
      count.reservedUsd -= usd;
    }
  }

  /** Lets overdue leases go and drops accounts with nothing in the window and nothing in flight. */
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
    for (const [key, count] of this.counts) {
      if (now - count.touchedAt < WINDOW_MS + TOUCH_MS) return;
      if (looked === SWEEP_PER_RESERVATION) {
        this.sweepAt = now;
        return;
      }
      looked += 1;
      if (count.inFlight > 0) this.touch(now, count);
      else this.counts.delete(key);
    }
  }
}

const newCount = (key: string): Count => ({
  key,
  requests: new SlidingWindow(),
  tokens: new SlidingWindow(),
  inFlight: 0,
  reservedUsd: 0,
  touchedAt: -Infinity,
});

/** Once the request was counted now. */
function after({ owner, limits, state }: Counted, need: QuotaNeed): Counted {
  const requests = grown(state.requests, 1);
  const tokens = grown(state.tokens, countedTokens(need, limits));
  const { inFlight, spentUsd, reservedUsd } = state;
  return { owner, limits, state: { requests, tokens, inFlight, spentUsd, reservedUsd } };
}

const grown = (window: WindowState, weight: number): WindowState =>
  weight === 0 ? window : { used: window.used + weight, emptyInMs: WINDOW_MS, fitsInMs: 0 };
