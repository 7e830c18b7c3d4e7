import type { TargetConfig } from '../../../common/config/config.schema.js';
import type { Provider } from '../../../common/target.js';
import { MESSAGES } from './anthropic-dialect.js';
import { isOpenAiHost } from '../plain-chat.js';
import { CHAT_COMPLETIONS, type Dialect } from './dialect.js';

/** Where the requests of one target go, what is spoken there, and how this service signs in. */
export interface Endpoint {
  readonly url: URL;
  /** Of OpenAI's Responses API, where it is OpenAI's own server; `null` elsewhere. */
  readonly responsesUrl: URL | null;
  readonly dialect: Dialect;
  /** Names and values in turn, of every request. */
  readonly headers: readonly string[];
  /** `null`: no credential is configured and none is needed. */
  readonly auth: { readonly header: string; readonly value: () => string | Promise<string> } | null;
}

export type TokenSource = () => Promise<string>;

const bearer = (key: string) => ({ header: 'authorization', value: () => `Bearer ${key}` });
const keyIn = (header: string, key: string) => ({ header, value: () => key });
const entra = (token: TokenSource) => ({ header: 'authorization', value: async () => `Bearer ${await token()}` });

/** The version of Anthropic's API that every model of theirs knows. */
const ANTHROPIC_VERSION = '2023-06-01';

/** The differences between providers. */
export const ENDPOINTS: Record<
  Exclude<Provider, 'simulated'>,
  (target: TargetConfig, entraToken: TokenSource) => Endpoint
> = {
  openai: (target) => ({
    ...openAiUrls(target),
    dialect: CHAT_COMPLETIONS,
    headers: [],
    auth: target.apiKey ? bearer(target.apiKey) : null,
  }),
  'azure-openai': (target, entraToken) => ({
    ...azureOpenAiUrls(target),
    dialect: CHAT_COMPLETIONS,
    headers: [],
    auth: target.apiKey ? keyIn('api-key', target.apiKey) : entra(entraToken),
  }),
  anthropic: (target, entraToken) => ({
    url: anthropicUrl(target),
    responsesUrl: null,
    dialect: MESSAGES,
    headers: ['anthropic-version', target.apiVersion ?? ANTHROPIC_VERSION],
    auth: anthropicAuth(target, entraToken),
  }),
};

/**
 * Where Anthropic's Messages are: at Anthropic or a server that speaks their protocol (`baseUrl`, with or without `/v1/messages`), or
 * of a resource of Microsoft Foundry (`endpoint`, with or without `/anthropic`).
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry
 */
function anthropicUrl({ baseUrl, endpoint }: Pick<TargetConfig, 'baseUrl' | 'endpoint'>): URL {
  const url = new URL(endpoint ?? baseUrl ?? '');
  url.search = '';
  url.hash = '';
  const root = url.pathname.replace(/\/+$/, '').replace(/(\/v1)?(\/messages)?$/i, '');
  url.pathname = `${endpoint ? `${root.replace(/\/anthropic$/i, '')}/anthropic` : root}/v1/messages`;
  return url;
}

/** Foundry takes the key of a resource in Anthropic's own header, and tokens of Entra as Azure OpenAI does. */
function anthropicAuth({ apiKey, endpoint }: TargetConfig, entraToken: TokenSource): Endpoint['auth'] {
  if (apiKey) return keyIn('x-api-key', apiKey);
  return endpoint ? entra(entraToken) : null;
}

type Urls = Pick<Endpoint, 'url' | 'responsesUrl'>;

function openAiUrls({ baseUrl = '' }: Pick<TargetConfig, 'baseUrl'>): Urls {
  const base = baseUrl.replace(/\/+$/, '');
  return {
    url: new URL(`${base}/chat/completions`),
    responsesUrl: isOpenAiHost(baseUrl) ? new URL(`${base}/responses`) : null,
  };
}

/** Versions of the v1 API itself: they stay on its path, everything dated belongs to the deployment path. */
const V1_VERSIONS = new Set(['v1', 'preview', 'latest']);

/**
 * Where chat completions of an Azure OpenAI deployment are. Without `apiVersion` it is the v1 API, which takes the
 * deployment as `model` in the body; with a dated one it is the older path that names the deployment. The endpoint may
 * come with a trailing slash or with `/openai` or `/openai/v1`, as the portal shows it in different places.
 *
 * @see https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
 */
function azureOpenAiUrls(target: Pick<TargetConfig, 'endpoint' | 'deployment' | 'apiVersion'>): Urls {
  const { endpoint = '', deployment = '', apiVersion } = target;
  const url = new URL(endpoint);
  url.search = '';
  url.hash = '';
  const root = url.pathname.replace(/\/+$/, '').replace(/\/openai(\/v1)?$/i, '');
  const v1 = apiVersion === undefined || V1_VERSIONS.has(apiVersion);
  const path = v1 ? 'v1' : `deployments/${encodeURIComponent(deployment)}`;
  if (apiVersion !== undefined && apiVersion !== 'v1') url.searchParams.set('api-version', apiVersion);
  const responsesUrl = v1 ? new URL(url) : null; // the older paths have it for no single deployment
  if (responsesUrl) responsesUrl.pathname = `${root}/openai/v1/responses`;
  url.pathname = `${root}/openai/${path}/chat/completions`;
  return { url, responsesUrl };
}
