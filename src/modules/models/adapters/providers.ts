import type { TargetConfig } from '../../../common/config/config.schema.js';
import type { Provider } from '../../../common/target.js';

/** Where a chat request of one target goes, and how this service signs in there. */
export interface Endpoint {
  readonly url: URL;
  /** `null`: no credential is configured and none is needed. */
  readonly auth: { readonly header: string; readonly value: () => string | Promise<string> } | null;
}

export type TokenSource = () => Promise<string>;

const bearer = (key: string) => ({ header: 'authorization', value: () => `Bearer ${key}` });

/** The differences between providers; everything else is OpenAI's chat-completions protocol. */
export const ENDPOINTS: Record<
  Exclude<Provider, 'simulated'>,
  (target: TargetConfig, entraToken: TokenSource) => Endpoint
> = {
  openai: (target) => ({
    url: new URL(`${target.baseUrl?.replace(/\/+$/, '')}/chat/completions`),
    auth: target.apiKey ? bearer(target.apiKey) : null,
  }),
  'azure-openai': (target, entraToken) => ({
    url: azureOpenAiUrl(target),
    auth: target.apiKey
      ? { header: 'api-key', value: () => target.apiKey }
      : { header: 'authorization', value: async () => `Bearer ${await entraToken()}` },
  }),
};

/** Versions of the v1 API itself: they stay on its path, everything dated belongs to the deployment path. */
const V1_VERSIONS = new Set(['v1', 'preview', 'latest']);

/**
 * Where chat completions of an Azure OpenAI deployment are. Without `apiVersion` it is the v1 API, which takes the
 * deployment as `model` in the body; with a dated one it is the older path that names the deployment. The endpoint may
 * come with a trailing slash or with `/openai` or `/openai/v1`, as the portal shows it in different places.
 *
 * @see https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
 */
function azureOpenAiUrl(target: Pick<TargetConfig, 'endpoint' | 'deployment' | 'apiVersion'>): URL {
  const { endpoint = '', deployment = '', apiVersion } = target;
  const url = new URL(endpoint);
  url.search = '';
  url.hash = '';
  const root = url.pathname.replace(/\/+$/, '').replace(/\/openai(\/v1)?$/i, '');
  const v1 = apiVersion === undefined || V1_VERSIONS.has(apiVersion);
  const path = v1 ? 'v1' : `deployments/${encodeURIComponent(deployment)}`;
  url.pathname = `${root}/openai/${path}/chat/completions`;
  if (apiVersion !== undefined && apiVersion !== 'v1') url.searchParams.set('api-version', apiVersion);
  return url;
}
