import type { TargetConfig } from '../../../common/config/config.schema.js';

/** Versions of the v1 API itself: they stay on its path, everything dated belongs to the deployment path. */
const V1_VERSIONS = new Set(['v1', 'preview', 'latest']);

/**
 * Where chat completions of an Azure OpenAI deployment are. Without `apiVersion` it is the v1 API, which takes the
 * deployment as `model` in the body; with a dated one it is the older path that names the deployment. The endpoint may
 * come with a trailing slash or with `/openai` or `/openai/v1`, as the portal shows it in different places.
 *
 * @see https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
 */
export function azureOpenAiUrl(target: Pick<TargetConfig, 'endpoint' | 'deployment' | 'apiVersion'>): URL {
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
