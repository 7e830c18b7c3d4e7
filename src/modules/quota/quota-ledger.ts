import type { Caller, CallerLimits } from '../../common/caller.js';
import type { QuotaNeed } from './quota.messages.js';

/** What one request really used; `null` = nobody knows: tokens stay as reserved, money is not booked. */
export interface QuotaUse {
  readonly tokens: number | null;
  readonly usd: number | null;
}

/** `x-ratelimit-*` */
export type RateLimitHeaders = Readonly<Record<string, string>>;

/**
 * Counts what users take. Limits come with the caller and are never kept, so a reload counts at once. Every reservation
 * is atomic.
 */
export abstract class QuotaLedger {
  /**
   * Takes one request, its tokens, a slot and its money, all or nothing. A request that alone is larger than
   * `tokensPerMinute` is let in when no other tokens are in the window, and takes it whole: it can be answered, once a
   * minute. One that costs more than what is left of the month is let in while nothing else is reserved: a budget is
   * overrun by one answer at most, and a budget of 0 refuses all.
   *
   * @param id of the lease, unique over all replicas
   * @returns headers that tell what is left
   * @throws RateLimitExceeded, BudgetExceeded with `retry-after` and the same headers
   */
  abstract reserve(caller: Caller, need: QuotaNeed, id: string): Promise<RateLimitHeaders>;

  /**
   * Takes one request of `requestsPerMinute` and nothing else, for work that calls no model: neither tokens nor money nor
   * a slot are looked at, and there is nothing to settle.
   *
   * @throws RateLimitExceeded with `retry-after` and the headers of that limit
   */
  abstract count(caller: Caller): Promise<RateLimitHeaders>;

  /**
   * Frees the slot and the reserved money of a lease, books what the answer cost, and settles the tokens: what was not
   * used is given back where it was counted, an overrun counts from now on. The request itself stays counted. A lease
   * that is gone changes no rate; its cost is booked all the same.
   */
  abstract settle(caller: Caller, id: string, used: QuotaUse): Promise<void>;
}

/** Whether nothing of the caller has to be counted. */
export const isUnlimited = ({ requestsPerMinute, tokensPerMinute, concurrent, usdPerMonth }: CallerLimits): boolean =>
  (requestsPerMinute ?? tokensPerMinute ?? concurrent ?? usdPerMonth) === undefined;

/** Injective whatever characters a claim may bring: `a|b` + `c` is another user than `a` + `b|c`. */
export const userKey = ({ tenant, user }: Pick<Caller, 'tenant' | 'user'>): string =>
  `${tenant.length}|${tenant}|${user}`;

/** The one limit that `count` looks at. */
export const requestsAlone = ({ limits: { requestsPerMinute }, ...caller }: Caller): Caller => ({
  ...caller,
  limits: requestsPerMinute === undefined ? {} : { requestsPerMinute },
});
