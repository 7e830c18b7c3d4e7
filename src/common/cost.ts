import type { Usage } from './chat.js';
import type { Price } from './target.js';

const TOKENS_PER_PRICE_UNIT = 1_000_000;

/** What an answer cost in USD: tokens times USD per million tokens. `null` when usage or price is unknown. */
export function costUsd(
  usage: Pick<Usage, 'prompt_tokens' | 'completion_tokens'> | null,
  price: Price | null,
): number | null {
  if (!usage || !price) return null;
  return (usage.prompt_tokens * price.input + usage.completion_tokens * price.output) / TOKENS_PER_PRICE_UNIT;
}
