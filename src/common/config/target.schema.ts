import { z } from 'zod';
import { listedPrice, priceListOf } from '../prices/price-lists.js';
import type { Price } from '../prices/price.js';
import { CAPABILITIES, PROVIDERS, TIERS, type Provider } from '../target.js';
import { httpUrl, milliseconds, name, ownMilliseconds } from './config-scalars.js';
import { isFields } from '../json/fields.js';

const REASONING_FIRST_TOKEN_MS = 120_000;
const REASONING_PLAIN_MS = 300_000;
const LOAD_MS = 60_000;
const ANTHROPIC_URL = 'https://api.anthropic.com';

/** The fields that a target of a provider must have besides. */
const REQUIRED: Partial<Record<Provider, readonly ('baseUrl' | 'endpoint' | 'deployment' | 'model')[]>> = {
  openai: ['baseUrl', 'model'],
  'azure-openai': ['endpoint', 'deployment'],
};

/** What a target of provider `anthropic` lacks or has too much of: it is at Anthropic, or a deployment in Azure. */
function anthropicProblems(value: AnthropicPlace): (readonly [field: string, message: string])[] {
  const { capabilities, apiVersion } = value;
  const noVectors = 'Anthropic makes no embeddings; leave `embeddings` out, and give a target of another provider';
  return [
    ...placeProblems(value),
    ...(apiVersion === undefined || VERSION.test(apiVersion) ? [] : [['apiVersion', NO_VERSION] as const]),
    ...(capabilities?.includes('embeddings') ? [['capabilities', noVectors] as const] : []),
  ];
}

type AnthropicPlace = Readonly<
  Partial<Record<'baseUrl' | 'endpoint' | 'deployment' | 'model' | 'apiVersion', string>>
> & {
  readonly capabilities?: readonly string[];
};

/** As Anthropic writes the header `anthropic-version`. */
const NO_VERSION = 'a version of the Messages API is a date, such as 2023-06-01, which is the default';
const VERSION = /^\d{4}-\d{2}-\d{2}$/;

function placeProblems({ baseUrl, endpoint, deployment, model }: AnthropicPlace) {
  if (endpoint && baseUrl) return [['baseUrl', 'endpoint says where it is; leave one of them out'] as const];
  if (endpoint && !deployment) return [['deployment', 'required for provider anthropic with an endpoint'] as const];
  if (!endpoint && deployment) return [['endpoint', 'required for provider anthropic with a deployment'] as const];
  return endpoint || model ? [] : [['model', 'required for provider anthropic'] as const];
}

const timeouts = z.strictObject({
  connectMs: milliseconds(2_000).describe('TCP and TLS set-up.'),
  firstTokenMs: ownMilliseconds.describe(
    'Until the first content, reasoning or tool-call delta of a stream. Default 10000; 120000 with capability reasoning.',
  ),
  idleMs: milliseconds(10_000).describe('Silence between two chunks of a stream.'),
  plainMs: ownMilliseconds.describe('A whole plain answer. Default 60000; 300000 with capability reasoning.'),
  totalMs: milliseconds(600_000).describe('A whole streamed answer.'),
  loadMs: ownMilliseconds.describe(
    'Until the first token of a local model that may have to be loaded first. Default 60000; the firstTokenMs of this target where that is set.',
  ),
});

const price = z.strictObject({
  input: z.number().min(0).describe('USD per million prompt tokens.'),
  output: z.number().min(0).describe('USD per million completion tokens.'),
  cachedInput: z
    .number()
    .min(0)
    .optional()
    .describe('USD per million prompt tokens that the provider had in its cache. Default: as input.'),
  cacheWrite: z
    .number()
    .min(0)
    .optional()
    .describe('USD per million prompt tokens that the provider writes to its cache. Default: as input.'),
});

/** One deployment of one model: an entry of `targets`. */
export const targetSchema = z
  .strictObject({
    id: name.describe('Its name here, which callers may use as a model too.'),
    tier: z.enum(TIERS).describe('local: on machines of yours, where private text may go; cloud: elsewhere.'),
    provider: z
      .enum(PROVIDERS)
      .default('openai')
      .describe(
        'openai: any OpenAI-compatible server; anthropic: the Messages API; simulated: answers that say they are none.',
      ),
    baseUrl: httpUrl
      .optional()
      .describe(
        'OpenAI-compatible base URL, with /v1 where the server has it. anthropic: with or without /v1, default https://api.anthropic.com',
      ),
    endpoint: httpUrl
      .optional()
      .describe(
        'azure-openai: https://<resource>.openai.azure.com; anthropic in Microsoft Foundry: https://<resource>.services.ai.azure.com',
      ),
    deployment: z.string().min(1).optional().describe('azure-openai, anthropic with endpoint: name of the deployment.'),
    apiVersion: z
      .string()
      .min(1)
      .optional()
      .describe(
        'azure-openai: left out, the v1 API is used. anthropic: the header anthropic-version, default 2023-06-01.',
      ),
    model: z.string().min(1).optional().describe('The model as its server names it.'),
    apiKey: z
      .string()
      .default('')
      .describe('From the environment: ${VAR}. In Azure (endpoint), a target without a key signs in with Entra.'),
    contextWindow: z
      .int()
      .min(256)
      .optional()
      .describe('Tokens of prompt and answer together. Left out: what the server tells, else unknown.'),
    capabilities: z
      .array(z.enum(CAPABILITIES))
      .default([])
      .describe('What it can; requests that need more go elsewhere.'),
    price: price
      .optional()
      .describe(
        'What it costs. Left out: tier cloud takes it from the built-in table where that knows provider and model, else it is unknown.',
      ),
    concurrency: z.int().min(1).max(100_000).default(64).describe('Calls in flight; more wait in a bounded queue.'),
    timeouts: timeouts.prefault({}),
    prewarm: z
      .boolean()
      .default(false)
      .describe(
        'tier local, provider openai: load the model at start, and again when its server has unloaded it (asked every 10 s). Other servers load nothing.',
      ),
    pace: z
      .strictObject({
        firstTokenMs: z.int().min(0).max(60_000).default(0).describe('Before the first token.'),
        tokenMs: z.int().min(0).max(60_000).default(0).describe('Between tokens.'),
      })
      .optional()
      .describe('simulated: milliseconds before the first token and between tokens.'),
  })
  .superRefine(
    (value, context) => {
      for (const field of REQUIRED[value.provider] ?? []) {
        if (value[field]) continue;
        context.addIssue({ code: 'custom', path: [field], message: `required for provider ${value.provider}` });
      }
      if (value.provider !== 'anthropic') return;
      for (const [field, message] of anthropicProblems(value)) {
        context.addIssue({ code: 'custom', path: [field], message });
      }
    },
    { when: ({ value }) => isFields(value) }, // also where other fields are wrong: every problem is told at once
  )
  .transform(({ timeouts: limits, ...given }) => {
    const isAtAnthropic = given.provider === 'anthropic' && !given.baseUrl && !given.endpoint;
    const value = isAtAnthropic ? { ...given, baseUrl: ANTHROPIC_URL } : given;
    const slow = value.capabilities.includes('reasoning');
    const model = value.model ?? value.deployment ?? value.id;
    const price: Price | null = value.price ?? priceFromTable(value, model);
    const { price: _price, ...rest } = value;
    return {
      ...rest,
      model,
      ...(price ? { price } : {}), // as configured, else of the table; left out = unknown
      timeouts: {
        ...limits,
        firstTokenMs: limits.firstTokenMs ?? (slow ? REASONING_FIRST_TOKEN_MS : 10_000),
        loadMs: limits.loadMs ?? limits.firstTokenMs ?? LOAD_MS,
        plainMs: limits.plainMs ?? (slow ? REASONING_PLAIN_MS : 60_000),
      },
    };
  });

export type TargetConfig = z.output<typeof targetSchema>;

function priceFromTable(place: Parameters<typeof priceListOf>[0], model: string): Price | null {
  const list = priceListOf(place);
  return list === null ? null : listedPrice(list, model);
}

/**
 * What a target is as long as this is equal: where it is called, how, and how often at a time. What is known of its model
 * (window, capabilities, price) and how long it is waited for may change without its breaker, its slots and its
 * measurements beginning anew.
 */
export function deploymentOf(target: TargetConfig) {
  const { contextWindow: _window, capabilities: _abilities, price: _price, timeouts, ...rest } = target;
  return { ...rest, connectMs: timeouts.connectMs };
}
