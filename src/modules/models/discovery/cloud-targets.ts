import type { TargetInput } from './target-input.js';
import { factsOf } from './known-models.js';
import type { Environment } from './local-servers.js';
import { isOwnUrl } from '../../../common/loopback.js';
import { targetId } from './target-input.js';
import { ownField } from '../../../common/json/fields.js';

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
  readonly notes: readonly string[];
}

const NOTHING: CloudFindings = { targets: [], notes: [] };

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
  if (!apiKey) return NOTHING;
  const baseUrl = setting(env, 'OPENAI_BASE_URL') ?? OPENAI_URL;
  const url = httpUrlOf(baseUrl);
  if (!url)
    return { targets: [], notes: ['OPENAI_BASE_URL is not an http:// or https:// URL; OPENAI_API_KEY is not used.'] };
  if (isOwnUrl(url, ownPort)) {
    return { targets: [], notes: ['OPENAI_BASE_URL is this service itself; OPENAI_API_KEY is not used.'] };
  }
  const small = setting(env, 'OPENAI_SMALL_MODEL') ?? OPENAI_SMALL;
  const large = setting(env, 'OPENAI_LARGE_MODEL') ?? OPENAI_LARGE;
  const models = [...new Set([small, large])];
  return {
    targets: models.map((model) => ({
      id: targetId('openai', model),
      tier: 'cloud',
      provider: 'openai',
      baseUrl,
      model,
      apiKey,
      ...factsOf(model),
    })),
    notes: [`OpenAI at ${url.host}: ${models.join(', ')} (OPENAI_SMALL_MODEL and OPENAI_LARGE_MODEL choose others).`],
  };
}

function azureTargets(env: Environment): CloudFindings {
  const endpoint = setting(env, 'AZURE_OPENAI_ENDPOINT');
  const apiKey = setting(env, 'AZURE_OPENAI_API_KEY');
  if (!endpoint) return NOTHING;
  if (!apiKey) {
    const note =
      'AZURE_OPENAI_ENDPOINT needs AZURE_OPENAI_API_KEY; for a managed identity write a target in router.config.yaml.';
    return { targets: [], notes: [note] };
  }
  const url = httpUrlOf(endpoint);
  if (!url) return { targets: [], notes: ['AZURE_OPENAI_ENDPOINT is not an http:// or https:// URL; it is not used.'] };
  const named = setting(env, 'AZURE_OPENAI_DEPLOYMENT');
  const deployment = named ?? AZURE_DEPLOYMENT;
  const apiVersion = setting(env, 'AZURE_OPENAI_API_VERSION');
  const guess = named ? '' : ' (a guess: set AZURE_OPENAI_DEPLOYMENT to the name of your deployment)';
  return {
    targets: [
      {
        id: targetId('azure', deployment),
        tier: 'cloud',
        provider: 'azure-openai',
        endpoint,
        deployment,
        apiKey,
        ...(apiVersion ? { apiVersion } : {}),
        ...factsOf(deployment),
      },
    ],
    notes: [`Azure OpenAI at ${url.host}: deployment ${deployment}${guess}.`],
  };
}

/** Blank counts as not set; the line break that comes with `$(cat key)` would break a header. */
function setting(env: Environment, name: string): string | undefined {
  return ownField(env, name)?.trim() || undefined;
}

function httpUrlOf(text: string): URL | null {
  const url = URL.parse(text);
  return url && /^https?:$/.test(url.protocol) ? url : null;
}
