import { hash } from 'node:crypto';
import type { AccountOwner } from '../../../common/accounts.js';
import type { ReachedBudget } from '../../quota/quota.messages.js';

/** Whose budget it is: a closed set, it is the label of a metric. */
export type BudgetScope = 'tenant' | 'user' | 'model';

/** As it goes out. */
export interface BudgetAlert {
  readonly type: 'budget.threshold_reached';
  /** The same for the same owner, budget, threshold and month. */
  readonly id: string;
  /** ISO 8601 UTC. */
  readonly at: string;
  readonly tenant: string;
  /** `null` = the tenant as a whole. */
  readonly user: string | null;
  /** `null` = of all models. */
  readonly model: string | null;
  /** Share of the budget, 0.8 or 0.9. */
  readonly threshold: number;
  readonly usd_per_month: number;
  readonly spent_usd: number;
  /** `yyyy-mm`, UTC. */
  readonly month: string;
}

const ID_CHARACTERS = 32;
const USD_DECIMALS = 9;

export function scopeOf({ user, model }: AccountOwner): BudgetScope {
  if (model !== null) return 'model';
  return user === null ? 'tenant' : 'user';
}

/** @param now milliseconds since 1970 */
export function alertOf({ owner, threshold, usdPerMonth, spentUsd, month }: ReachedBudget, now: number): BudgetAlert {
  const { tenant, user, model } = owner;
  const name = JSON.stringify([tenant, user, model, usdPerMonth, threshold, month]);
  return {
    type: 'budget.threshold_reached',
    id: `budget_${hash('sha256', name).slice(0, ID_CHARACTERS)}`,
    at: new Date(now).toISOString(),
    ...{ tenant, user, model, threshold },
    usd_per_month: usdPerMonth,
    spent_usd: Number(spentUsd.toFixed(USD_DECIMALS)),
    month,
  };
}
