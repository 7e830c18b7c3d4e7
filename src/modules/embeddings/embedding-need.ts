import { countsMoney, countsTokens, type Accounts } from '../../common/accounts.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { AUTO_MODEL } from '../../common/config/live-config.js';
import { mostCostUsd } from '../../common/cost.js';
import type { AnsweredPrices } from '../../common/prices/answered-prices.js';
import { estimateBesideTokens, estimateInputTokens, mostTextTokens } from '../../common/token-estimate.js';
import type { QuotaNeed } from '../quota/quota.messages.js';
import type { EmbeddingAsk } from './embedding-ask.js';
import { batchesOf, MOST_OF_A_CALL } from './embedding-batches.js';

const NO_OTHERS: RouterConfig['targets'] = [];
const NOTHING: QuotaNeed = Object.freeze({ tokens: 0, usd: 0 });

/** What of a request decides how much it may take. */
type CountedRequest = Pick<EmbeddingAsk, 'body' | 'inputs' | 'settings'>;

/**
 * What a request may use at most, before anything is decided; settled to what it used at the end. Counted is all that is
 * sent: the inputs, and with every call what stands beside them, such as an instruction. Money is set aside for the
 * dearest target that the name may stand for. Nothing is counted where no account asks for it.
 */
export function embeddingNeed(
  { body: { model: name }, inputs, settings }: CountedRequest,
  accounts: Accounts,
  { targets, models, limits }: Pick<RouterConfig, 'targets' | 'models' | 'limits'>,
  prices: Pick<AnsweredPrices, 'forNeed'>,
): QuotaNeed {
  if (!countsTokens(accounts) && !countsMoney(accounts)) return NOTHING;
  const ofInputs = inputs.map((input) => estimateInputTokens(input, mostTextTokens));
  const calls = batchesOf(ofInputs, MOST_OF_A_CALL).length;
  let tokens = calls * estimateBesideTokens(settings, mostTextTokens);
  for (const one of ofInputs) tokens += one;
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
