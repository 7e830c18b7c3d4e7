import { cloudTargets } from './cloud-targets.js';
import type { FoundModel, FoundServer, ServerKind } from './found-model.js';
import { foundTargets } from './found-targets.js';

const NO_CLOUD = cloudTargets({}, 8080);
const CLOUD = cloudTargets({ OPENAI_API_KEY: 'sk-test' }, 8080);

const server = (kind: ServerKind, ...models: Partial<FoundModel>[]): FoundServer => ({
  ...{ kind, label: kind, baseUrl: 'http://127.0.0.1:1/v1' },
  models: models.map((model) => ({ name: 'm', capabilities: [], ...model })),
});

describe('foundTargets', () => {
  it('simulates both tiers while there is nothing real', () => {
    const { targets, strong } = foundTargets([server('ollama')], NO_CLOUD);
    expect(targets).toMatchObject([
      { id: 'simulated-local', tier: 'local', provider: 'simulated', model: 'simulated-small' },
      { id: 'simulated-cloud', tier: 'cloud', provider: 'simulated', model: 'simulated-large' },
    ]);
    expect(targets.every(({ price }) => price?.input === 0 && price.output === 0)).toBe(true);
    expect(strong).toBeUndefined();
  });

  it('simulates nothing as soon as one target is real', () => {
    const local = foundTargets(
      [server('vllm', { name: 'a/b', contextWindow: 8096, capabilities: ['json'] })],
      NO_CLOUD,
    );
    expect(local.targets).toMatchObject([
      {
        ...{ id: 'vllm/a/b', tier: 'local', provider: 'openai', baseUrl: 'http://127.0.0.1:1/v1', model: 'a/b' },
        ...{ contextWindow: 8096, capabilities: ['json'], price: { input: 0, output: 0 } },
      },
    ]);
    expect(foundTargets([], CLOUD).targets.map(({ provider }) => provider)).toEqual(['openai', 'openai']);
  });

  it('knows no window where the server told none', () => {
    expect(foundTargets([server('vllm', {})], NO_CLOUD).targets[0]).not.toHaveProperty('contextWindow');
  });

  it('puts local models before the cloud, which then is the strong side as usual', () => {
    const { targets, strong } = foundTargets([server('ollama', { name: 'a' }), server('vllm', { name: 'b' })], CLOUD);
    const ids = targets.map(({ id }) => id);
    expect(ids).toEqual(['ollama/a', 'vllm/b', 'openai/gpt-5.4-mini', 'openai/gpt-5.4']);
    expect(strong).toBeUndefined();
  });

  it.each<[string, number[], string[] | undefined]>([
    ['the larger', [8e9, 3e9], ['ollama/m']],
    ['the last of equals', [3e9, 8e9, 8e9], ['ollama/m-3']],
    ['the last of unknown sizes', [0, 0], ['ollama/m-2']],
    ['one whose size is known before those whose size is not', [0, 1e9, 0], ['ollama/m-2']],
    ['no particular one of one', [8e9], undefined],
  ])('makes %s the strong side without a cloud', (_, sizes, strong) => {
    const models = sizes.map((parameters) => (parameters > 0 ? { parameters } : {}));
    expect(foundTargets([server('ollama', ...models)], NO_CLOUD).strong).toEqual(strong);
  });
});
