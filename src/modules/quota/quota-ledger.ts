import type { Account, Accounts } from '../../common/accounts.js';
import type { CallerLimits } from '../../common/caller.js';
import type { QuotaNeed } from './quota.messages.js';

/** What one request really used; `null` = nobody knows: tokens stay as reserved, money is not booked. */
export interface QuotaUse {
  readonly tokens: number | null;
  readonly usd: number | null;
}

/** `x-ratelimit-*` */
export type RateLimitHeaders = Readonly<Record<string, string>>;

/** What one request takes. */
export interface Taking {
  /** With the limits that are looked at. */
  readonly accounts: Accounts;
  readonly need: QuotaNeed;
  /** Of the lease; `null` = the request is counted and nothing is held. */
  readonly id: string | null;
}

const NO_HEADERS: RateLimitHeaders = Object.freeze({});
const NOTHING: QuotaNeed = Object.freeze({ tokens: 0, usd: 0 });

/**
 * Counts what users and tenants take. Limits come with the accounts and are never kept, so a reload counts at once. Every
 * reservation is atomic over all its accounts.
 */
export abstract class QuotaLedger {
  /** Of accounts, those whose requests are limited, with that limit alone. */
  private readonly requestsOnly = new WeakMap<Accounts, Accounts>();

  /**
   * Takes one request, its tokens, a slot and its money from every account, all or nothing. A request that alone is larger
   * than `tokensPerMinute` is let in when no other tokens are in the window, and takes it whole: it can be answered, once a
   * minute. One that costs more than what is left of the month is let in while nothing else is reserved: a budget is
   * overrun by one answer at most, and a budget of 0 refuses all.
   *
   * @param id of the lease, unique over all replicas
   * @returns headers that tell what is left where least is left
   * @throws RateLimitExceeded, BudgetExceeded with `retry-after` and the same headers
   */
  reserve(accounts: Accounts, need: QuotaNeed, id: string): Promise<RateLimitHeaders> {
    return this.take({ accounts, need, id });
  }

  /**
   * Takes one request of `requestsPerMinute` and nothing else, for work that calls no model: neither tokens nor money nor
   * a slot are looked at, and there is nothing to settle.
   *
   * @throws RateLimitExceeded with `retry-after` and the headers of that limit
   */
  async count(accounts: Accounts): Promise<RateLimitHeaders> {
    const limited = this.ofRequests(accounts);
    return limited.length === 0 ? NO_HEADERS : this.take({ accounts: limited, need: NOTHING, id: null });
  }

  /**
   * Frees the slot and the reserved money of a lease, books what the answer cost, and settles the tokens: what was not
   * used is given back where it was counted, an overrun counts from now on. The request itself stays counted. A lease
   * that is gone changes no rate; its cost is booked all the same.
   *
   * @param accounts as they were when it was taken
   */
  abstract settle(accounts: Accounts, id: string, used: QuotaUse): Promise<void>;

  /** What `reserve` and `count` do. */
  abstract take(taking: Taking): Promise<RateLimitHeaders>;

  private ofRequests(accounts: Accounts): Accounts {
    let limited = this.requestsOnly.get(accounts);
    if (!limited) this.requestsOnly.set(accounts, (limited = accounts.flatMap(requestsOf)));
    return limited;
  }
}

const requestsOf = ({ owner, key, limits: { requestsPerMinute } }: Account): Account[] =>
  requestsPerMinute === undefined ? [] : [{ owner, key, limits: { requestsPerMinute } }];

/** Tokens that a need counts: one that is larger than the limit takes all of it. */
export const countedTokens = ({ tokens }: QuotaNeed, { tokensPerMinute }: CallerLimits): number =>
  tokensPerMinute === undefined ? 0 : Math.min(tokens, tokensPerMinute);
