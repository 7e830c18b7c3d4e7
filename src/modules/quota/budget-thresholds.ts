import type { Account } from '../../common/accounts.js';
import { monthName } from './monthly-spend.js';
import { BUDGET_THRESHOLDS, type ReachedBudget } from './quota.messages.js';

/** Hears of a budget that has been used up to a threshold, once for each owner, budget, threshold and month. */
export type TellReached = (reached: ReachedBudget) => void;

export type Threshold = ReachedBudget['threshold'];

const LOWEST = Math.min(...BUDGET_THRESHOLDS);
const NONE: readonly ReachedBudget[] = Object.freeze([]);

/**
 * The thresholds of an account's budget that a month's spend is at or above; none of a budget of 0.
 *
 * @param at milliseconds since 1970, in that month
 */
export function reachedBudgets(account: Account, spentUsd: number, at: number): readonly ReachedBudget[] {
  const { usdPerMonth = 0 } = account.limits;
  if (usdPerMonth === 0 || spentUsd < LOWEST * usdPerMonth) return NONE;
  const reached = BUDGET_THRESHOLDS.filter((threshold) => spentUsd >= threshold * usdPerMonth);
  return reached.map((threshold) => reachedBudget(account, threshold, spentUsd, at));
}

/** @param at milliseconds since 1970, in the month of the spend */
export const reachedBudget = (
  { owner, limits: { usdPerMonth = 0 } }: Account,
  threshold: Threshold,
  spentUsd: number,
  at: number,
): ReachedBudget => ({ owner, threshold, usdPerMonth, spentUsd, month: monthName(at) });
