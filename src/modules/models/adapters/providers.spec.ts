import { targetSchema } from '../../../common/config/target.schema.js';
import { ENDPOINTS } from './providers.js';

const HOST = 'https://acme.openai.azure.com';

describe('the chat completions of an Azure OpenAI deployment', () => {
  it.each([
    [HOST, undefined, `${HOST}/openai/v1/chat/completions`],
    [`${HOST}/`, undefined, `${HOST}/openai/v1/chat/completions`],
    [`${HOST}/openai`, undefined, `${HOST}/openai/v1/chat/completions`],
    [`${HOST}/openai/v1`, undefined, `${HOST}/openai/v1/chat/completions`],
    [`${HOST}/openai/v1/`, undefined, `${HOST}/openai/v1/chat/completions`],
    [HOST, 'v1', `${HOST}/openai/v1/chat/completions`],
    [HOST, 'preview', `${HOST}/openai/v1/chat/completions?api-version=preview`],
    [HOST, '2024-10-21', `${HOST}/openai/deployments/chat%2Fbig/chat/completions?api-version=2024-10-21`],
    [`${HOST}/`, '2024-10-21', `${HOST}/openai/deployments/chat%2Fbig/chat/completions?api-version=2024-10-21`],
    [
      `${HOST}/openai/v1/`,
      '2024-10-21',
      `${HOST}/openai/deployments/chat%2Fbig/chat/completions?api-version=2024-10-21`,
    ],
    ['https://apim.acme.com/llm/', undefined, 'https://apim.acme.com/llm/openai/v1/chat/completions'],
    [`${HOST}?x=1#y`, undefined, `${HOST}/openai/v1/chat/completions`],
  ])('%s with api version %s', (endpoint, apiVersion, expected) => {
    const deployment = { provider: 'azure-openai', endpoint, deployment: 'chat/big', apiVersion };
    const target = targetSchema.parse({ id: 'a', tier: 'cloud', ...deployment });
    expect(ENDPOINTS['azure-openai'](target, async () => 'token').url.href).toBe(expected);
  });
});

describe('the Messages of Anthropic', () => {
  const FOUNDRY = 'https://acme.services.ai.azure.com';
  const endpointOf = (fields: object) => {
    const target = targetSchema.parse({ id: 'a', tier: 'cloud', provider: 'anthropic', ...fields });
    return ENDPOINTS.anthropic(target, async () => 'token');
  };

  it.each([
    [{ model: 'm' }, 'https://api.anthropic.com/v1/messages'],
    [{ model: 'm', baseUrl: 'https://api.anthropic.com/' }, 'https://api.anthropic.com/v1/messages'],
    [{ model: 'm', baseUrl: 'https://api.anthropic.com/v1' }, 'https://api.anthropic.com/v1/messages'],
    [{ model: 'm', baseUrl: 'https://api.anthropic.com/v1/messages' }, 'https://api.anthropic.com/v1/messages'],
    [{ deployment: 'd', endpoint: `${FOUNDRY}/anthropic/v1/messages` }, `${FOUNDRY}/anthropic/v1/messages`],
    [{ model: 'm', baseUrl: 'https://proxy.acme.com/llm/v1/' }, 'https://proxy.acme.com/llm/v1/messages'],
    [{ deployment: 'd', endpoint: FOUNDRY }, `${FOUNDRY}/anthropic/v1/messages`],
    [{ deployment: 'd', endpoint: `${FOUNDRY}/anthropic/` }, `${FOUNDRY}/anthropic/v1/messages`],
    [{ deployment: 'd', endpoint: `${FOUNDRY}/anthropic/v1?x=1` }, `${FOUNDRY}/anthropic/v1/messages`],
  ])('of %j', (fields, expected) => {
    expect(endpointOf(fields).url.href).toBe(expected);
  });

  it('are signed in for with a key, or in Azure with a token', async () => {
    const keyed = endpointOf({ model: 'm', apiKey: 'k', apiVersion: '2026-10-21' });
    expect(keyed.headers).toEqual(['anthropic-version', '2026-10-21']);
    expect([keyed.auth?.header, await keyed.auth?.value()]).toEqual(['x-api-key', 'k']);
    const entra = endpointOf({ deployment: 'd', endpoint: FOUNDRY });
    expect(entra.headers).toEqual(['anthropic-version', '2023-06-01']);
    expect([entra.auth?.header, await entra.auth?.value()]).toEqual(['authorization', 'Bearer token']);
    expect(endpointOf({ model: 'm' }).auth).toBeNull();
  });
});
