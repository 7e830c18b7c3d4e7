import { Command, Query } from '@nestjs/cqrs';
import type { AccountOwner, Accounts } from '../../common/accounts.js';
import type { Caller } from '../../common/caller.js';

/** What was taken in advance for one request. */
export interface QuotaLease {
  /** `x-ratelimit-*` headers after this reservation; empty for callers without limits. */
  readonly headers: Readonly<Record<string, string>>;
  /** `null` where nothing was taken. */
  readonly id: string | null;
  /** From which it was taken; handed back with `id` in `ChatCompletedEvent`. */
  readonly accounts: Accounts;
}

/** The most that one request may use. */
export interface QuotaNeed {
  /** Prompt and longest expected answer. */
  readonly tokens: number;
  /** Of the dearest target that may answer; 0 where every price is 0 or unknown. */
  readonly usd: number;
}

/** Nothing was taken. */
export const NO_LEASE: QuotaLease = Object.freeze({
  headers: Object.freeze({}),
  id: null,
  accounts: Object.freeze([]),
});

/**
 * Takes one request, its tokens, one in-flight slot and its money in advance from every account, atomically: all or
 * nothing. With Redis the limits hold over all replicas; while it is away every replica enforces its share of them. The
 * lease is settled to what was really used, and the slot freed, by `ChatCompletedEvent`.
 *
 * @throws RateLimitExceeded, BudgetExceeded with `Retry-After` and all `x-ratelimit-*` headers
 */
export class ReserveQuotaCommand extends Command<QuotaLease> {
  constructor(
    readonly accounts: Accounts,
    readonly need: QuotaNeed,
  ) {
    super();
  }
}

/**
 * Takes one request of `requestsPerMinute` for work that calls no model, and gives the `x-ratelimit-*` headers.
 *
 * @throws RateLimitExceeded
 */
export class CountRequestCommand extends Command<Readonly<Record<string, string>>> {
  constructor(readonly caller: Caller) {
    super();
  }
}

/** What is done without a credential: guessing one, or reading an open page. */
export type Unidentified = 'failedSignIn' | 'page';

/**
 * Counts what an address (of IPv6, a /64) does without a credential: 30 failed sign-ins a minute over all replicas, 600
 * pages a minute from each.
 *
 * @throws RateLimitExceeded
 */
export class CountAddressCommand extends Command<void> {
  constructor(
    readonly address: string,
    readonly what: Unidentified,
  ) {
    super();
  }
}

/** Whose limit refused a request; a closed set, it is a metric label. */
export type RefusedScope = 'user' | 'model' | 'tenant' | 'address';
/** Which one; a closed set, it is a metric label. */
export type RefusedLimit = 'requests' | 'tokens' | 'concurrent' | 'money';

export interface RefusalCount {
  readonly scope: RefusedScope;
  readonly limit: RefusedLimit;
  readonly count: number;
}

/** Requests that this replica refused for a limit (429), since it began; for the metrics. */
export class CountRefusalsQuery extends Query<readonly RefusalCount[]> {}

/** Shares of a month's money at which its owner is warned. */
export const BUDGET_THRESHOLDS = [0.8, 0.9] as const;

/** A month's money has been used up to a threshold. */
export interface ReachedBudget {
  readonly owner: AccountOwner;
  readonly threshold: (typeof BUDGET_THRESHOLDS)[number];
  /** The budget. */
  readonly usdPerMonth: number;
  readonly spentUsd: number;
  /** Calendar month, UTC: `yyyy-mm`. */
  readonly month: string;
}

/** Published once for each owner, threshold and month, over all replicas. */
export class BudgetThresholdReachedEvent {
  constructor(readonly reached: ReachedBudget) {}
}
