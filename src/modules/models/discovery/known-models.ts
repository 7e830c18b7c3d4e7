import type { Capability, Price } from '../../../common/target.js';
import { ownField } from '../../../common/json/fields.js';

export interface ModelFacts {
  readonly contextWindow: number;
  readonly capabilities: readonly Capability[];
  /** Left out when nobody said what the model costs. */
  readonly price?: Price;
}

const BASE: readonly Capability[] = ['tools', 'vision', 'json'];
const REASONING: readonly Capability[] = [...BASE, 'reasoning'];
/** These call tools in Chat Completions only with `reasoning_effort: none`, which is not their default. */
const REASONING_WITHOUT_TOOLS: readonly Capability[] = ['vision', 'json', 'reasoning'];

/**
 * OpenAI's chat models as its model pages told on 23 Nov 2026; USD per million tokens, standard tier. From 272,000
 * prompt tokens on, the models with a window of a million cost up to twice that.
 *
 * @see https://developers.openai.com/api/docs/models
 */
const FACTS: Readonly<Record<string, ModelFacts>> = {
  'gpt-4o-mini': { contextWindow: 128_000, capabilities: BASE, price: { input: 0.15, output: 0.6 } },
  'gpt-4o': { contextWindow: 128_000, capabilities: BASE, price: { input: 2.5, output: 10 } },
  'gpt-4.1-mini': { contextWindow: 1_047_576, capabilities: BASE, price: { input: 0.4, output: 1.6 } },
  'gpt-4.1': { contextWindow: 1_047_576, capabilities: BASE, price: { input: 2, output: 8 } },
  'gpt-5-mini': { contextWindow: 400_000, capabilities: REASONING, price: { input: 0.25, output: 2 } },
  'gpt-5': { contextWindow: 400_000, capabilities: REASONING, price: { input: 1.25, output: 10 } },
  'gpt-5.4-mini': { contextWindow: 400_000, capabilities: BASE, price: { input: 0.75, output: 4.5 } },
  'gpt-5.4': { contextWindow: 1_050_000, capabilities: REASONING, price: { input: 2.5, output: 15 } },
  'gpt-6-luna': { contextWindow: 1_050_000, capabilities: REASONING_WITHOUT_TOOLS, price: { input: 0.1, output: 0.5 } },
  'gpt-6.1-sol': { contextWindow: 1_050_000, capabilities: REASONING_WITHOUT_TOOLS, price: { input: 2, output: 10 } },
};

const UNKNOWN: ModelFacts = { contextWindow: 128_000, capabilities: ['tools', 'json'] };

/** What is known of a cloud model by its name, dated snapshots included; of others only what every current one can. */
export function factsOf(model: string): ModelFacts {
  const family = model.replace(/-\d{4}-\d{2}-\d{2}$/, '');
  return ownField(FACTS, family) ?? UNKNOWN;
}
