import { cloudTargets } from './cloud-targets.js';
import { foundTargets } from './found-targets.js';

const OPENAI = { OPENAI_API_KEY: 'sk-test\n' };
const AZURE = { AZURE_OPENAI_ENDPOINT: 'https://acme.openai.azure.com', AZURE_OPENAI_API_KEY: 'az-test' };

describe('cloudTargets', () => {
  it.each([{}, { OPENAI_API_KEY: ' ' }, { OPENAI_BASE_URL: 'http://localhost:1/v1' }, { AZURE_OPENAI_API_KEY: 'k' }])(
    'finds nothing in %j',
    (env) => expect(cloudTargets(env, 8080)).toEqual({ targets: [], notes: [] }),
  );

  it('makes a small and a large target of an OpenAI key, the dearer one last', () => {
    const { targets, notes } = cloudTargets(OPENAI, 8080);
    expect(targets).toMatchObject([
      { id: 'openai/gpt-5.4-mini', tier: 'cloud', baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-test' },
      { id: 'openai/gpt-5.4', tier: 'cloud', contextWindow: 1_050_000 },
    ]);
    expect(notes.join()).not.toContain('sk-test');
  });

  it('takes the models it is told, and leaves their prices to the table', () => {
    const env = { ...OPENAI, OPENAI_SMALL_MODEL: 'gpt-4o-mini-2024-07-18', OPENAI_LARGE_MODEL: 'acme-xl' };
    const { targets } = cloudTargets(env, 8080);
    expect(targets.map(({ model }) => model)).toEqual(['gpt-4o-mini-2024-07-18', 'acme-xl']);
    const priced = foundTargets([], { targets, notes: [] }).targets;
    expect(priced.map(({ price }) => price)).toMatchObject([
      { input: 0.15, output: 0.6, cachedInput: 0.075 },
      undefined,
    ]);
    expect(cloudTargets({ ...env, OPENAI_LARGE_MODEL: env.OPENAI_SMALL_MODEL }, 8080).targets).toHaveLength(1);
  });

  it('keeps a proxy on loopback in the cloud tier', () => {
    const { targets } = cloudTargets({ ...OPENAI, OPENAI_BASE_URL: 'http://127.0.0.1:4000/v1' }, 8080);
    expect(targets).toMatchObject([{ tier: 'cloud', baseUrl: 'http://127.0.0.1:4000/v1' }, { tier: 'cloud' }]);
  });

  it.each([
    ['http://localhost:8080/v1', 'this service itself'],
    ['http://127.0.0.1:8080/v1', 'this service itself'],
    ['api.acme.com', 'not an http'],
    ['ftp://api.acme.com', 'not an http'],
  ])('sends no key to OPENAI_BASE_URL %s', (url, why) => {
    const { targets, notes } = cloudTargets({ ...OPENAI, OPENAI_BASE_URL: url }, 8080);
    expect(targets).toEqual([]);
    expect(notes).toEqual([expect.stringContaining(why)]);
  });

  it('makes a target of an Azure endpoint and key, and says that it guessed the deployment', () => {
    const { targets, notes } = cloudTargets(AZURE, 8080);
    expect(targets).toMatchObject([
      {
        id: 'azure/gpt-4.1',
        provider: 'azure-openai',
        endpoint: 'https://acme.openai.azure.com',
        deployment: 'gpt-4.1',
        apiKey: 'az-test',
      },
    ]);
    expect(targets[0]).not.toHaveProperty('apiVersion');
    expect(notes).toEqual([expect.stringContaining('AZURE_OPENAI_DEPLOYMENT')]);
  });

  it('takes deployment and API version', () => {
    const more = { AZURE_OPENAI_DEPLOYMENT: 'chat', AZURE_OPENAI_API_VERSION: '2024-10-21' };
    const { targets, notes } = cloudTargets({ ...AZURE, ...more }, 8080);
    expect(targets).toMatchObject([{ id: 'azure/chat', deployment: 'chat', apiVersion: '2024-10-21' }]);
    expect(notes.join()).not.toContain('guess');
  });

  it.each([
    [{ AZURE_OPENAI_ENDPOINT: AZURE.AZURE_OPENAI_ENDPOINT }, 'managed identity'],
    [{ ...AZURE, AZURE_OPENAI_ENDPOINT: 'acme' }, 'not an http'],
  ])('explains why %j is not enough', (env, why) => {
    expect(cloudTargets(env, 8080)).toEqual({ targets: [], notes: [expect.stringContaining(why)] });
  });
});
