import { countsMoney, countsTokens, type Accounts } from '../../common/accounts.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { AUTO_MODEL } from '../../common/config/live-config.js';
import { mostCostUsd } from '../../common/cost.js';
import type { EmbeddingInput } from '../../common/embeddings.js';
import type { AnsweredPrices } from '../../common/prices/answered-prices.js';
import { estimateInputTokens, mostTextTokens } from '../../common/token-estimate.js';
import type { QuotaNeed } from '../quota/quota.messages.js';

const NO_OTHERS: RouterConfig['targets'] = [];
const NOTHING: QuotaNeed = Object.freeze({ tokens: 0, usd: 0 });

/**
 * What a request may use at most, before anything is decided; settled to what it used at the end. Money is set aside for the
 * dearest target that the name may stand for. Nothing is counted where no account asks for it.
 */
export function embeddingNeed(
  name: string,
  inputs: readonly EmbeddingInput[],
  accounts: Accounts,
  { targets, models, limits }: Pick<RouterConfig, 'targets' | 'models' | 'limits'>,
  prices: Pick<AnsweredPrices, 'forNeed'>,
): QuotaNeed {
  if (!countsTokens(accounts) && !countsMoney(accounts)) return NOTHING;
  let tokens = 0;
  for (const input of inputs) tokens += estimateInputTokens(input, mostTextTokens);
  const ids = models.find((model) => model.name === name)?.targets;
  let usd = 0;
  for (const target of targets) {
    const isNamed = name === AUTO_MODEL || ids?.includes(target.id) || target.id === name || target.model === name;
    if (!isNamed || !target.capabilities.includes('embeddings')) continue;
    const price = prices.forNeed(target, limits.unpriced === 'refuse' ? NO_OTHERS : targets);
    usd = Math.max(usd, mostCostUsd(tokens, 0, price) ?? 0);
  }
  return { tokens, usd };
}
