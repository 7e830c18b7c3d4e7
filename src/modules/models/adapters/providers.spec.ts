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
