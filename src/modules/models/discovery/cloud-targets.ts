import type { Environment } from '../../../common/config/config-text.js';
import { ownField } from '../../../common/json/fields.js';
import { isOwnUrl } from '../../../common/loopback.js';
import type { Capability } from '../../../common/target.js';
import { targetId, type TargetInput } from './target-input.js';

const OPENAI_URL = 'https://api.openai.com/v1';
/**
 * Both call tools in Chat Completions without further settings, which the newer gpt-6 models do not, and neither has a
 * shutdown date (gpt-4o, gpt-4.1 and gpt-5 end by January 2027).
 *
 * @see https://developers.openai.com/api/docs/deprecations
 */
const OPENAI_SMALL = 'gpt-5.4-mini';
const OPENAI_LARGE = 'gpt-5.4';
/** A deployment's name is its owner's choice; this is a guess that the note asks to correct. */
const AZURE_DEPLOYMENT = 'gpt-4.1';

export interface CloudFindings {
  readonly targets: readonly TargetInput[];
  /** Sentences for the person at the console. */
  readonly notes: readonly string[];
}

const nothing = (...notes: string[]): CloudFindings => ({ targets: [], notes });

/**
 * The cloud targets that the environment speaks of; nobody is called. OPENAI_API_KEY (with OPENAI_BASE_URL,
 * OPENAI_SMALL_MODEL, OPENAI_LARGE_MODEL) and AZURE_OPENAI_ENDPOINT + AZURE_OPENAI_API_KEY (with
 * AZURE_OPENAI_DEPLOYMENT, AZURE_OPENAI_API_VERSION). An OPENAI_BASE_URL on loopback is still tier cloud: it is
 * somebody's proxy, and nothing says that text given to it stays here.
 *
 * @param ownPort the port this service listens on, so that it does not call itself
 */
export function cloudTargets(env: Environment, ownPort: number): CloudFindings {
  const openai = openAiTargets(env, ownPort);
  const azure = azureTargets(env);
  return { targets: [...openai.targets, ...azure.targets], notes: [...openai.notes, ...azure.notes] };
}

function openAiTargets(env: Environment, ownPort: number): CloudFindings {
  const apiKey = setting(env, 'OPENAI_API_KEY');
  if (!apiKey) return nothing();
  const baseUrl = setting(env, 'OPENAI_BASE_URL') ?? OPENAI_URL;
  const url = httpUrlOf(baseUrl);
  if (!url) return nothing('OPENAI_BASE_URL is not an http:// or https:// URL; OPENAI_API_KEY is not used.');
  if (isOwnUrl(url, ownPort)) return nothing('OPENAI_BASE_URL is this service itself; OPENAI_API_KEY is not used.');
  const small = setting(env, 'OPENAI_SMALL_MODEL') ?? OPENAI_SMALL;
  const large = setting(env, 'OPENAI_LARGE_MODEL') ?? OPENAI_LARGE;
  const models = [...new Set([small, large])];
  return {
    targets: models.map((model) => ({
      ...{ id: targetId('openai', model), tier: 'cloud', provider: 'openai', baseUrl, model, apiKey },
      ...factsOf(model),
    })),
    notes: [`OpenAI at ${url.host}: ${models.join(', ')} (OPENAI_SMALL_MODEL and OPENAI_LARGE_MODEL choose others).`],
  };
}

function azureTargets(env: Environment): CloudFindings {
  const endpoint = setting(env, 'AZURE_OPENAI_ENDPOINT');
  const apiKey = setting(env, 'AZURE_OPENAI_API_KEY');
  if (!endpoint) return nothing();
  if (!apiKey) {
    return nothing(
      'AZURE_OPENAI_ENDPOINT needs AZURE_OPENAI_API_KEY; for a managed identity write a target in router.config.yaml.',
    );
  }
  const url = httpUrlOf(endpoint);
  if (!url) return nothing('AZURE_OPENAI_ENDPOINT is not an http:// or https:// URL; it is not used.');
  const named = setting(env, 'AZURE_OPENAI_DEPLOYMENT');
  const deployment = named ?? AZURE_DEPLOYMENT;
  const apiVersion = setting(env, 'AZURE_OPENAI_API_VERSION');
  const guess = named ? '' : ' (a guess: set AZURE_OPENAI_DEPLOYMENT to the name of your deployment)';
  const target: TargetInput = {
    ...{ id: targetId('azure', deployment), tier: 'cloud', provider: 'azure-openai', endpoint, deployment, apiKey },
    ...(apiVersion ? { apiVersion } : {}),
    ...factsOf(deployment),
  };
  return { targets: [target], notes: [`Azure OpenAI at ${url.host}: deployment ${deployment}${guess}.`] };
}

/** Blank counts as not set; the line break that comes with `$(cat key)` would break a header. */
function setting(env: Environment, name: string): string | undefined {
  return ownField(env, name)?.trim() || undefined;
}

function httpUrlOf(text: string): URL | null {
  const url = URL.parse(text);
  return url && /^https?:$/.test(url.protocol) ? url : null;
}

interface ModelFacts {
  readonly contextWindow: number;
  readonly capabilities: readonly Capability[];
}

const BASE: readonly Capability[] = ['tools', 'vision', 'json'];
const REASONING: readonly Capability[] = [...BASE, 'reasoning'];
/** These call tools in Chat Completions only with `reasoning_effort: none`, which is not their default. */
const REASONING_WITHOUT_TOOLS: readonly Capability[] = ['vision', 'json', 'reasoning'];

/**
 * OpenAI's chat models as its model pages told on 23 Nov 2026; what they cost stands in the table of prices.
 *
 * @see https://developers.openai.com/api/docs/models
 */
const FACTS: Readonly<Record<string, ModelFacts>> = {
  'gpt-4o-mini': { contextWindow: 128_000, capabilities: BASE },
  'gpt-4o': { contextWindow: 128_000, capabilities: BASE },
  'gpt-4.1-mini': { contextWindow: 1_047_576, capabilities: BASE },
  'gpt-4.1': { contextWindow: 1_047_576, capabilities: BASE },
  'gpt-5-mini': { contextWindow: 400_000, capabilities: REASONING },
  'gpt-5': { contextWindow: 400_000, capabilities: REASONING },
  'gpt-5.4-mini': { contextWindow: 400_000, capabilities: BASE },
  'gpt-5.4': { contextWindow: 1_050_000, capabilities: REASONING },
  'gpt-6-luna': { contextWindow: 1_050_000, capabilities: REASONING_WITHOUT_TOOLS },
  'gpt-6.1-sol': { contextWindow: 1_050_000, capabilities: REASONING_WITHOUT_TOOLS },
};

const UNKNOWN: ModelFacts = { contextWindow: 128_000, capabilities: ['tools', 'json'] };

/** What is known of a cloud model by its name, dated snapshots included; of others only what every current one can. */
function factsOf(model: string): ModelFacts {
  const family = model.replace(/-\d{4}-\d{2}-\d{2}$/, '');
  return ownField(FACTS, family) ?? UNKNOWN;
}
