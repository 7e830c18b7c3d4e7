import { targetSchema } from '../config/target.schema.js';
import { dearestPrice, listedPrice, priceListOf } from './price-lists.js';
import type { Price, PriceListName } from './price.js';

describe('priceListOf', () => {
  it.each<[string, PriceListName | null]>([
    ['https://api.openai.com/v1', 'openai'],
    ['https://API.OpenAI.com./v1', 'openai'],
    ['https://api.anthropic.com/v1', 'anthropic'],
    ['https://api.mistral.ai/v1', 'mistral'],
    ['https://api.groq.com/openai/v1', 'groq'],
    ['https://openrouter.ai/api/v1', 'openrouter'],
    ['https://acme.openai.azure.com/openai/v1', 'azure'],
    ['https://acme.services.ai.azure.com/openai/v1', 'azure'],
    ['https://eu.api.openai.com/v1', null], // costs more
    ['https://api.openai.com.acme.example/v1', null],
    ['https://notapi.openai.com.example/v1', null],
    ['https://acme.example/api.openai.com', null],
    ['https://api.openai.com@acme.example/v1', null],
    ['https://constructor/v1', null],
    ['http://127.0.0.1:4000/v1', null],
    ['http://10.0.0.7:8000/v1', null],
    ['', null],
  ])('%s has the prices of %s', (baseUrl, list) => {
    expect(priceListOf({ tier: 'cloud', provider: 'openai', baseUrl })).toBe(list);
    expect(priceListOf({ tier: 'local', provider: 'openai', baseUrl })).toBeNull();
  });

  it('takes every Azure OpenAI deployment for one, but not one on machines of yours', () => {
    expect(priceListOf({ tier: 'cloud', provider: 'azure-openai' })).toBe('azure');
    expect(priceListOf({ tier: 'local', provider: 'azure-openai' })).toBeNull();
    expect(priceListOf({ tier: 'cloud', provider: 'anthropic', endpoint: 'https://apim.acme.example' })).toBe('azure');
    expect(priceListOf({ tier: 'cloud', provider: 'simulated' })).toBeNull();
  });
});

describe('listedPrice', () => {
  it.each(['GPT-4o-Mini', ' gpt-4o-mini ', 'models/gpt-4o-mini', 'gpt-4o-mini-2024-07-18', 'gpt-4o-mini-20240718'])(
    'knows %j',
    (name) => expect(listedPrice('openai', name)?.input).toBe(0.15),
  );

  it.each([
    '',
    'gpt',
    'gpt-4o-mini-2099-01-01',
    'gpt-4o-mini2',
    `gpt-4o-realtime-${'x'.repeat(200)}`,
    '__proto__',
    '.*',
    '/./',
  ])('does not know %.30j', (name) => expect(listedPrice('openai', name)).toBeNull());

  it('is the same object each time', () => {
    for (let i = 0; i < 2_000; i++) listedPrice('openai', `unknown ${i}`);
    expect(listedPrice('openai', 'gpt-4o')).toBe(listedPrice('openai', 'GPT-4o'));
  });

  it('prices what Azure sells of others as they do', () =>
    expect(listedPrice('azure', 'grok-4')).toBe(listedPrice('x-ai', 'grok-4')));
});

describe('the price of a target', () => {
  const cloud = { id: 'a', tier: 'cloud', baseUrl: 'https://api.openai.com/v1', model: 'gpt-4o' };
  const priceOf = (target: object): Price | undefined => targetSchema.parse({ ...cloud, ...target }).price;

  it('is the one that is configured', () => {
    expect(priceOf({ price: { input: 1, output: 2 } })).toEqual({ input: 1, output: 2 });
    expect(priceOf({ price: { input: 0, output: 0 } })).toEqual({ input: 0, output: 0 });
    const price = { input: 1, output: 2, cachedInput: 0.5, cacheWrite: 1.25 };
    expect(priceOf({ price })).toEqual(price);
  });

  it('is else that of the table', () =>
    expect(priceOf({})).toEqual({ input: 2.5, output: 10, cachedInput: 1.25, list: 'openai' }));

  it.each([
    { model: 'acme-xl' },
    { tier: 'local' },
    { baseUrl: 'https://llm.acme.example/v1' },
    { provider: 'azure-openai', endpoint: 'https://acme.openai.azure.com', deployment: 'ours', model: undefined },
  ])('is unknown for %j', (target) => expect(targetSchema.parse({ ...cloud, ...target })).not.toHaveProperty('price'));

  it.each([-1, NaN, Infinity, '1'])('cannot be %s', (cachedInput) =>
    expect(targetSchema.safeParse({ ...cloud, price: { input: 1, output: 1, cachedInput } }).success).toBe(false),
  );
});

describe('dearestPrice', () => {
  it.each<[Parameters<typeof dearestPrice>[0], object]>([
    ['azure', { input: 150, output: 600, reasoningApart: true }], // o1-pro of OpenAI's list, grok of xAI's
    ['openai', { input: 150, output: 600, reasoningApart: false }],
    ['anthropic', { input: 18.75, output: 75 }], // Claude 3 Opus; what is written to its cache is dearer than its input
  ])('has the dearest rates of %s and of all that it sells', (list, rates) =>
    expect(dearestPrice(list)).toMatchObject({ list, ...rates }),
  );
});
