import type { RouterConfig } from '../../common/config/config.schema.js';
import { budgetPrice } from '../../common/cost.js';

/** What an operator has to know about targets without a price, one line; `null` when all have one. */
export function unpricedNote({ targets, limits }: Pick<RouterConfig, 'targets' | 'limits'>): string | null {
  const unpriced = targets.filter(({ price, provider }) => !price && provider !== 'simulated');
  if (unpriced.length === 0) return null;
  if (limits.unpriced === 'refuse') {
    const ids = unpriced.map(({ id }) => id).join(', ');
    return `${ids}: no price, so not for callers with a budget (limits.unpriced: refuse)`;
  }
  const counted = unpriced.map((target) => {
    const price = budgetPrice(target, targets);
    return `${target.id} at ${price ? `${price.input}/${price.output}` : '0, as no target has a price'}`;
  });
  return `targets without a price count in budgets (USD per million tokens): ${counted.join(', ')}; set targets[].price`;
}
