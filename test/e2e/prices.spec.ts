import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, jsonOf, post } from '../support/router-calls.js';
import { GENEROUS, keyFor, type TargetInput } from '../support/router-targets.js';

const COUNTS = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 };
const CACHED = { ...COUNTS, prompt_tokens_details: { cached_tokens: 800 } };
const REASONED = { ...COUNTS, completion_tokens_details: { reasoning_tokens: 80 } };
/** gpt-4o-mini: 0.15 and 0.60 USD a million, cached 0.075. */
const MINI = (1_000 * 0.15 + 100 * 0.6) / 1e6;
const MINI_CACHED = (200 * 0.15 + 800 * 0.075 + 100 * 0.6) / 1e6;
const KEY = { authorization: 'Bearer alice' };

const azureOn = (upstream: UpstreamServer, id: string, changes: Partial<TargetInput> = {}): TargetInput => ({
  ...{
    id,
    tier: 'cloud',
    provider: 'azure-openai',
    endpoint: new URL(upstream.baseUrl).origin,
    deployment: id,
    apiKey: 'k',
  },
  ...changes,
});

describe('what an answer cost', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  const azure = (id: string, changes: Partial<TargetInput> = {}) => azureOn(upstream, id, changes);

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'served' });
    router = await startRouter({
      targets: [
        azure('gpt-4o-mini'),
        azure('small', { model: 'gpt-4o-mini' }),
        azure('ours'),
        azure('priced', { model: 'gpt-4o-mini', price: { input: 10, output: 100 } }),
        azure('priced-cached', { model: 'gpt-4o-mini', price: { input: 10, output: 100, cachedInput: 1 } }),
        azure('free', { model: 'gpt-4o-mini', price: { input: 0, output: 0 } }),
        azure('local-mini', { tier: 'local', model: 'gpt-4o-mini' }),
        { id: 'private', tier: 'cloud', baseUrl: upstream.baseUrl, model: 'gpt-4o-mini' },
      ],
      auth: { keys: [keyFor('alice', { scopes: ['chat', 'admin', 'operator'] })] },
      limits: GENEROUS,
      cache: { enabled: false },
    });
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  async function costOf(model: string, counts: object, answered = 'served'): Promise<number | null> {
    upstream.always(answer('yes', { counts: { ...counts }, model: answered }));
    const response = await chat(router, { model }, KEY);
    expect(response.status).toBe(200);
    await response.text();
    const header = response.headers.get('x-router-cost-usd');
    return header === null ? null : Number(header);
  }

  it.each<[string, string, object, string, number | null]>([
    ['by the name of the deployment', 'gpt-4o-mini', COUNTS, 'served', MINI],
    ['by its model', 'small', COUNTS, 'served', MINI],
    ['with what the provider had in its cache', 'small', CACHED, 'gpt-4o-mini-2024-07-18', MINI_CACHED],
    ['with reasoning tokens that are part of the completion', 'small', REASONED, 'served', MINI],
    ['by the version that answered', 'small', CACHED, 'gpt-4o-2024-08-06', (200 * 2.5 + 800 * 1.25 + 100 * 10) / 1e6],
    ['by the model that answered, of a deployment with its own name', 'ours', COUNTS, 'gpt-4o-mini-2024-07-18', MINI],
    ['at the configured price', 'priced', CACHED, 'gpt-4o-mini', 0.02],
    ['at the configured price of what is cached', 'priced-cached', CACHED, 'gpt-4o-mini', 0.0128],
    ['nothing, where that is configured', 'free', COUNTS, 'gpt-4o-mini', 0],
    ['unknown: nobody knows the model', 'ours', COUNTS, 'served', null],
    ['unknown: a local target', 'local-mini', COUNTS, 'gpt-4o-mini', null],
    ['unknown: a private server', 'private', COUNTS, 'gpt-4o-mini', null],
  ])('is told %s', async (_, model, counts, answered, usd) => {
    const cost = await costOf(model, counts, answered);
    if (usd === null) expect(cost).toBeNull();
    else expect(cost).toBeCloseTo(usd, 9);
  });

  it.each([
    { prompt_tokens_details: { cached_tokens: 5_000 } },
    { prompt_tokens_details: { cached_tokens: -5_000 } },
    { prompt_tokens_details: { cached_tokens: '800' } },
    { prompt_tokens_details: 'none', completion_tokens_details: [] },
  ])('is the full price for counts that are none: %j', async (details) =>
    expect(await costOf('small', { ...COUNTS, ...details })).toBeCloseTo(MINI, 9),
  );

  it('is the same in every place', async () => {
    const spentBefore = await spent();
    upstream.always(answer('yes', { counts: CACHED, model: 'gpt-4o-mini-2024-07-18', usage: 'always' }));
    const headers = { ...KEY, 'x-session-id': 'costs' };
    const plain = await chat(router, { model: 'small' }, headers);
    await plain.text();
    const streamed = await chat(router, { model: 'small', stream: true }, headers);
    await streamed.text();
    const query = await jsonOf<{ metadata: { cost_usd: number | null } }>(
      await post(`${router.url}/query`, { query: 'hi', model: 'small' }, KEY),
    );
    const session = await jsonOf<{ turns: { cost_usd: number }[] }>(
      await fetch(`${router.url}/v1/sessions/costs`, { headers: KEY }),
    );
    expect(Number(plain.headers.get('x-router-cost-usd'))).toBeCloseTo(MINI_CACHED, 9);
    expect(streamed.headers.get('x-router-cost-usd')).toBeNull();
    expect(query.metadata.cost_usd).toBeCloseTo(MINI_CACHED, 9);
    expect(session.turns.map(({ cost_usd }) => cost_usd)).toEqual([
      expect.closeTo(MINI_CACHED, 9),
      expect.closeTo(MINI_CACHED, 9),
    ]);
    expect((await spent()) - spentBefore).toBeCloseTo(3 * MINI_CACHED, 9);
  });

  it('is null in /query where it is unknown', async () => {
    upstream.always(answer('yes', { counts: COUNTS }));
    const query = await jsonOf<{ metadata: { cost_usd: number | null } }>(
      await post(`${router.url}/query`, { query: 'hi', model: 'private' }, KEY),
    );
    expect(query.metadata.cost_usd).toBeNull();
  });

  it('is told for each target in /admin/targets, with its source', async () => {
    const targets = await jsonOf<{ id: string; price: object | null; price_source: string | null }[]>(
      await fetch(`${router.url}/admin/targets`, { headers: KEY }),
    );
    const told = targets.map(({ id, price, price_source }) => [id, price, price_source]);
    expect(told).toEqual(
      expect.arrayContaining([
        [
          'small',
          { input: 0.15, output: 0.6, cached_input: 0.075 },
          expect.stringMatching(/^table of \d{4}-\d\d-\d\d$/),
        ],
        ['priced', { input: 10, output: 100 }, 'config'],
        ['private', null, null],
      ]),
    );
  });

  /** USD, of all targets, as the metrics have it. */
  async function spent(): Promise<number> {
    const text = await (await fetch(`${router.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('router_cost_usd_total'));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }
});

describe('a deployment whose price only its answers tell', () => {
  const BUDGET = 20;
  const MOST_TOKENS = 8_334;
  /** o1-pro: 600 USD a million. */
  const DEAR = { counts: { prompt_tokens: 0, completion_tokens: MOST_TOKENS }, model: 'o1-pro-2025-03-19' };
  let upstream: UpstreamServer;
  let router: RouterApp;

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'served' });
  });
  afterEach(() => router.close());
  afterAll(() => upstream.close());

  async function start(unpriced: 'count' | 'refuse'): Promise<void> {
    router = await startRouter({
      targets: [azureOn(upstream, 'ours'), azureOn(upstream, 'theirs')],
      auth: { keys: [keyFor('alice', { scopes: ['chat', 'admin', 'operator'] })] },
      limits: { ...GENEROUS, usdPerMonth: BUDGET, unpriced },
      cache: { enabled: false },
    });
  }
  const ask = async (model = 'ours'): Promise<number> => {
    const response = await chat(router, { model, max_tokens: MOST_TOKENS }, KEY);
    await response.text();
    return response.status;
  };
  const letInOf = async (many: number): Promise<number> => {
    const all = await Promise.all(Array.from({ length: many }, () => ask()));
    return all.filter((status) => status === 200).length;
  };
  const shown = async () => {
    const all = await jsonOf<{ id: string; price: object | null; budget_price: object | null }[]>(
      await fetch(`${router.url}/admin/targets`, { headers: KEY }),
    );
    const { price, budget_price } = all.find(({ id }) => id === 'ours')!;
    return { price, budget_price };
  };

  it('S05 is set aside for at the dearest of its list, so that answers at once cannot overrun a budget', async () => {
    await start('count');
    upstream.always(answer('yes', { ...DEAR }));
    expect(await letInOf(30)).toBe(4);
    expect(await letInOf(3)).toBe(0);
  });

  it('is set aside for at the price of the model that answered, from its first answer on', async () => {
    await start('count');
    expect((await shown()).price).toBeNull();
    upstream.always(answer('yes', { counts: COUNTS, model: 'gpt-4o-mini-2024-07-18' }));
    expect(await ask()).toBe(200);
    expect(await shown()).toMatchObject({ price: { input: 0.15, output: 0.6 }, budget_price: { input: 0.15 } });
    expect(await letInOf(30)).toBe(30);
  });

  it('is not refused where every answer has to have a price, until it answers as a model that nobody knows', async () => {
    await start('refuse');
    upstream.always(answer('yes', { counts: COUNTS, model: 'gpt-4o-mini-2024-07-18' }));
    expect([await ask(), await ask()]).toEqual([200, 200]);
    upstream.always(answer('yes', { counts: COUNTS, model: 'acme' }));
    expect([await ask('theirs'), await ask('theirs')]).toEqual([200, 403]);
    expect(await ask('ours')).toBe(200);
  });
});
