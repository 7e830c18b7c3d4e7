import { PROVIDERS, TIERS } from '../../src/common/target.js';
import { WarmthWatch } from '../../src/modules/models/warmth-watch.js';
import { called } from '../support/fault-row.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { eventually, jsonOf, post, targetsOf } from '../support/router-calls.js';
import { inOrder, targetOn, type TargetInput } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { says } from '../support/anthropic-answer.js';
import { answer, status } from '../support/upstream-behaviours.js';

const WITHIN_MS = 10_000;
const CHAT = answer('Hello');
const MESSAGE = says('Hello');

describe('every tier with every provider', () => {
  let upstream: UpstreamServer;
  let router: RouterApp | undefined;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'm' });
  });
  beforeEach(() => {
    upstream.reset();
    upstream.respondTo('/api/ps', status(200, { models: [] }));
    upstream.always((request, model) => (request.path.endsWith('/messages') ? MESSAGE : CHAT)(request, model));
  });
  afterEach(async () => {
    await router?.close();
    router = undefined;
  });
  afterAll(() => upstream.close());

  /** As somebody would write it: only the fields that this provider needs. */
  function targetFor(provider: (typeof PROVIDERS)[number], rest: Partial<TargetInput>): TargetInput {
    const { baseUrl: _, ...common } = targetOn(upstream, { id: 't', provider, ...rest });
    if (provider === 'openai' || provider === 'anthropic') return { ...common, baseUrl: upstream.baseUrl };
    const endpoint = upstream.baseUrl.replace(/\/v1$/, '');
    return provider === 'azure-openai' ? { ...common, endpoint, deployment: 'd', apiKey: 'k' } : common;
  }

  const all = TIERS.flatMap((tier) =>
    PROVIDERS.flatMap((provider) => [true, false].map((prewarm) => ({ tier, provider, prewarm }))),
  );

  it.each(all)('F06 $tier, $provider, prewarm $prewarm: answers, and lives on, also after a reload', async (row) => {
    const loads = row.tier === 'local' && row.provider === 'openai';
    const rejections: unknown[] = [];
    const note = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', note);
    try {
      router = await startRouter(inOrder([targetFor(row.provider, row)]));
      const warmed = () => upstream.requests.length === (loads && row.prewarm ? 1 : 0);
      await eventually('the model is asked for only where it can be loaded', WITHIN_MS, warmed);
      expect(await called(router)).toMatchObject({ status: 200 });
      await router.reload(inOrder([targetFor(row.provider, { ...row, concurrency: 3 })]));
      await router.app.get(WarmthWatch).look(new AbortController().signal);
      expect(await called(router)).toMatchObject({ status: 200 });
      const asked = upstream.otherRequests.map(({ path }) => path);
      expect(new Set(asked)).toEqual(new Set(loads ? ['/api/ps'] : []));
      expect((await targetsOf(router))[0]?.['warm']).toBe(loads ? true : null);
      expect(rejections).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('warm state', () => {
  it.each([
    [503, true],
    [404, null],
  ])('F43 a server that answers %d at first: warm is %s once it can tell', async (code, warm) => {
    const upstream = await UpstreamServer.start({ model: 'm' });
    upstream.respondTo('/api/ps', status(code));
    const router = await startRouter(inOrder([targetOn(upstream, { id: 't' })]));
    try {
      const watch = router.app.get(WarmthWatch);
      await watch.look(new AbortController().signal);
      upstream.respondTo('/api/ps', status(200, { models: [{ name: 'm:latest' }] }));
      await watch.look(new AbortController().signal);
      expect((await targetsOf(router))[0]?.['warm']).toBe(warm);
    } finally {
      await router.close();
      await upstream.close();
    }
  });
});

describe('the strong side as configured', () => {
  const simulated = (id: string, tier: 'local' | 'cloud', dollars: number): TargetInput => ({
    ...{ id, tier, provider: 'simulated', price: { input: dollars, output: dollars } },
  });
  const HARD = 'Prove that there are infinitely many primes, step by step, and derive a bound for the n-th prime.';

  it.each(['hybrid', 'learned', 'rules', 'cascade'] as const)(
    'F43 `strong` decides for %s, whatever the tiers and prices are',
    async (strategy) => {
      const targets = [simulated('dear', 'cloud', 9), simulated('big', 'local', 0), simulated('free', 'local', 0)];
      const model = { name: 'auto', strategy, strong: ['big'], strongShare: 0.5, targets: targets.map(({ id }) => id) };
      const router = await startRouter({ targets, models: [model], privacy: { localOnly: true } });
      try {
        const routed = async (query: string) =>
          jsonOf<{ target: string; escalation?: string[] }>(await post(`${router.url}/v1/route`, { query }));
        const [easy, hard] = [await routed('hi'), await routed(HARD)];
        const isUncertain = hard.escalation !== undefined;
        expect([easy.target, hard.target]).toEqual(['dear', isUncertain ? 'dear' : 'big']);
        expect(hard.escalation ?? ['big']).toEqual(['big']);
        expect((await routed(`${HARD} Mail it to alice@example.com.`)).target).not.toBe('dear');
      } finally {
        await router.close();
      }
    },
  );
});
