import { Command } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';

/** What was taken in advance for one request. */
export interface QuotaLease {
  /** `x-ratelimit-*` headers after this reservation; empty for callers without limits. */
  readonly headers: Readonly<Record<string, string>>;
  /** Opaque; handed back in `ChatCompletedEvent`. `null` for callers without limits. */
  readonly id: string | null;
}

/** The most that one request may use. */
export interface QuotaNeed {
  /** Prompt and longest expected answer. */
  readonly tokens: number;
  /** Of the dearest target that may answer; 0 where every price is 0 or unknown. */
  readonly usd: number;
}

/**
 * Takes one request, its tokens, one in-flight slot and its money in advance, atomically: all or nothing. With Redis the
 * limits hold over all replicas; while it is away every replica enforces its share of them. The lease is settled to
 * what was really used, and the slot freed, by `ChatCompletedEvent`.
 *
 * @throws RateLimitExceeded, BudgetExceeded with `Retry-After` and all `x-ratelimit-*` headers
 */
export class ReserveQuotaCommand extends Command<QuotaLease> {
  constructor(
    readonly caller: Caller,
    readonly need: QuotaNeed,
  ) {
    super();
  }
}

/** Shares of a month's money at which its owner is warned. */
export const BUDGET_THRESHOLDS = [0.8, 0.9] as const;

/** Whose money it is: a tenant's as a whole, a user's, or a user's for one model name. */
export interface BudgetOwner {
  readonly tenant: string;
  /** `null` = the tenant as a whole. */
  readonly user: string | null;
  /** `null` = of all models. */
  readonly model: string | null;
}

/** A month's money has been used up to a threshold. */
export interface ReachedBudget {
  readonly owner: BudgetOwner;
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
