import type { TargetConfig } from '../../../common/config/config.schema.js';
import type { Provider } from '../../../common/target.js';
import { azureOpenAiUrl } from './azure-openai-url.js';

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
