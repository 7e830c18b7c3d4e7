import type { Price, Target } from './target.js';
import type { Usage } from './usage.js';

const TOKENS_PER_PRICE_UNIT = 1_000_000;

/** What an answer cost in USD: tokens times USD per million tokens. `null` when a count or the price is unknown. */
export function costUsd(
  usage: Pick<Usage, 'prompt_tokens' | 'completion_tokens'> | null,
  price: Price | null,
): number | null {
  if (!usage || !price || usage.prompt_tokens === null || usage.completion_tokens === null) return null;
  return (usage.prompt_tokens * price.input + usage.completion_tokens * price.output) / TOKENS_PER_PRICE_UNIT;
}

/** A target as the configuration or the catalogue knows it. */
type Priced = Pick<Target, 'tier' | 'provider'> & { readonly price?: Price | null | undefined };

const FREE: Price = Object.freeze({ input: 0, output: 0 });

/**
 * What tokens of a target count in budgets: its own price; where nobody said one, the dearest known price of its tier,
 * else of all (`limits.unpriced: count`). `null` when no target has a price. Simulated targets are free.
 */
export function budgetPrice(target: Priced, targets: readonly Priced[]): Price | null {
  if (target.price) return target.price;
  if (target.provider === 'simulated') return FREE;
  return dearest(targets.filter(({ tier }) => tier === target.tier)) ?? dearest(targets);
}

function dearest(targets: readonly Priced[]): Price | null {
  let found: Price | null = null;
  for (const { price } of targets) {
    if (price && (!found || price.input + price.output > found.input + found.output)) found = price;
  }
  return found;
}
