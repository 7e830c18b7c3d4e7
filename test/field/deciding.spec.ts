import { called } from '../support/fault-row.js';
import { figure } from '../support/figure.js';
import { RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, eventually, jsonOf, post } from '../support/router-calls.js';
import { GENEROUS, keyFor, targetOn } from '../support/router-targets.js';
import type { RouterConfigInput } from '../support/router-process.js';
import { answer, status, toolCall } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ACME = bearer('acme-key');
const GAMMA = bearer('gamma-key');
const BETA = bearer('beta-key');
const TOOLS = [{ type: 'function', function: { name: 'find', parameters: {} } }];

describe('whose targets', () => {
  let a: UpstreamServer;
  let b: UpstreamServer;
  let router: RouterApp;
  const config = (tenants: NonNullable<RouterConfigInput['tenants']>): RouterConfigInput => ({
    targets: [
      targetOn(a, { id: 'a-target' }),
      targetOn(b, { id: 'b-target', tier: 'cloud', capabilities: ['vision'] }),
    ],
    models: [
      { name: 'auto', strategy: 'priority', targets: ['b-target', 'a-target'] },
      { name: 'b-model', strategy: 'priority', targets: ['b-target'] },
    ],
    tenants,
    cache: { scope: 'global' },
    limits: GENEROUS,
    resilience: { retries: 0, breaker: { failures: 1000 } },
    auth: {
      keys: [
        keyFor('acme-key', { scopes: ['chat', 'admin'] }),
        keyFor('gamma-key', { tenant: 'gamma', scopes: ['chat', 'admin'] }),
        keyFor('beta-key', { tenant: 'beta' }),
      ],
    },
  });
  const GAMMA_ONLY_A = { gamma: { targets: ['a-target'] } };
  beforeAll(async () => {
    a = await UpstreamServer.start({ model: 'a' });
    b = await UpstreamServer.start({ model: 'b' });
    router = await startRouter(config(GAMMA_ONLY_A));
  });
  beforeEach(() => {
    a.reset();
    b.reset();
  });
  afterAll(async () => {
    await router.close();
    await Promise.all([a.close(), b.close()]);
  });

  it('F14 an answer of a target that the tenant may not use is no hit, nor is one after the right was taken away', async () => {
    const question = { messages: ask('F14: the same question') };
    const from = async (headers: Record<string, string>) => {
      const seen = await called(router, question, headers);
      return `${seen.headers.get('x-router-cache')} ${seen.headers.get('x-router-target')}`;
    };
    expect(await from(ACME)).toBe('MISS b-target');
    expect(await from(BETA)).toBe('HIT b-target');
    expect(await from(GAMMA)).toBe('MISS a-target');
    expect(await from(GAMMA)).toBe('HIT a-target');
    expect(await from(ACME)).toBe('HIT b-target');
    await router.reload(config({ ...GAMMA_ONLY_A, beta: { targets: ['a-target'] } }));
    expect(await from(BETA)).not.toContain('b-target');
    expect((await called(router, { ...question, model: 'b-target' }, ACME)).status).toBe(200);
    expect((await called(router, { ...question, model: 'b-target' }, BETA)).status).toBe(403);
    await router.reload(config(GAMMA_ONLY_A));
    expect([a.requests.length, b.requests.length]).toEqual([2, 2]);
  });

  it('F15 names of other tenants’ targets and models reach no caller', async () => {
    b.always(status(500));
    const get = async (path: string) => (await fetch(`${router.url}${path}`, { headers: GAMMA })).text();
    const says = async (path: string, body: object, headers = {}) =>
      (await post(`${router.url}${path}`, body, { ...GAMMA, ...headers })).text();
    const image = [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
    ];
    const texts = await Promise.all([
      get('/v1/models'),
      get('/v1/models/nowhere'),
      get('/v1/models/auto'),
      get('/admin/targets'),
      says('/v1/route', { query: 'hi' }),
      says('/v1/route', { query: 'Prove it step by step.', strategy: 'cascade' }),
      says('/v1/route', { messages: image }),
      says('/v1/chat/completions', { model: 'nowhere', messages: ask('hi') }),
      says('/v1/chat/completions', { model: 'auto', messages: image }),
      says('/v1/chat/completions', { model: 'auto', messages: ask('hi') }),
      says('/query', { query: 'hi', strategy: 'weighted' }),
    ]);
    a.always(status(500));
    texts.push(
      await says('/query', { query: 'how are you' }),
      await says('/query', { query: 'hello', model: 'a-target' }),
    );
    for (const text of texts) expect(text).not.toMatch(/b-target|b-model/);
    expect(b.requests).toHaveLength(0);
    const models = JSON.parse(texts[0]) as { data: { id: string; targets?: string[] }[] };
    expect(models.data.map(({ id }) => id)).toEqual(['auto', 'a-target']);
    expect(models.data[0]!.targets).toEqual(['a-target']);
    figure('F15', `${texts.length} answers, foreign names 0, calls of the foreign target 0`);
  });

  it('F15 what is not the tenant’s and what is not there get the same answer', async () => {
    const refusals = await Promise.all(
      ['b-target', 'b-model', 'nowhere', 'constructor'].map((model) => called(router, { model }, GAMMA)),
    );
    expect(new Set(refusals.map(({ status: code, raw }) => `${code} ${raw}`)).size).toBe(1);
    expect(refusals[0]).toMatchObject({ status: 403, error: { code: 'model_not_allowed' } });
    const looks = await Promise.all(
      ['b-target', 'b-model', 'nowhere'].map(async (id) => {
        const response = await fetch(`${router.url}/v1/models/${id}`, { headers: GAMMA });
        return `${response.status} ${await response.text()}`;
      }),
    );
    expect(new Set(looks).size).toBe(1);
    expect(looks[0]).toContain('404');
    const drain = (id: string) => post(`${router.url}/admin/targets/${id}/drain`, {}, GAMMA);
    expect((await drain('b-target')).status).toBe(404);
    expect((await called(router, { messages: ask('still there?') }, ACME)).headers.get('x-router-target')).toBe(
      'b-target',
    );
  });
});

describe('shares and draws', () => {
  const SIMULATED = { provider: 'simulated', price: { input: 1, output: 1 } } as const;

  it('F27 one tenant’s traffic moves no other’s threshold, nor one strategy’s another’s', async () => {
    const router = await startRouter({
      targets: [
        { id: 'small', tier: 'local', ...SIMULATED },
        { id: 'large', tier: 'cloud', ...SIMULATED },
      ],
      models: [{ name: 'auto', strategy: 'hybrid', targets: ['small', 'large'] }],
      cache: { enabled: false },
      limits: GENEROUS,
      auth: { keys: [keyFor('acme-key'), keyFor('beta-key', { tenant: 'beta' })] },
    });
    try {
      const threshold = async (headers: Record<string, string>, strategy: string) => {
        const decision = await jsonOf<{ threshold: number }>(
          await post(`${router.url}/v1/route`, { query: 'What is the capital of France?', strategy }, headers),
        );
        return decision.threshold;
      };
      for (let i = 0; i < 20; i += 1) {
        await Promise.all(
          Array.from({ length: 20 }, () =>
            post(`${router.url}/query`, { query: 'Hello!', max_tokens: 1 }, BETA).then((r) => r.text()),
          ),
        );
      }
      const acme = await Promise.all(['hybrid', 'learned', 'cascade'].map((strategy) => threshold(ACME, strategy)));
      const beta = await Promise.all(['hybrid', 'learned'].map((strategy) => threshold(BETA, strategy)));
      expect(acme).toEqual([0.6, 0.6, 0.6]);
      expect(beta[0]).toBeLessThan(0.6);
      expect(beta[1]).toBe(0.6);
      figure(
        'F27',
        `after 400 greetings of beta: acme ${acme.join(', ')}; beta hybrid ${beta[0]!.toFixed(2)}, learned ${beta[1]}`,
      );
    } finally {
      await router.close();
    }
  });

  it('F28 a tool loop without a session keeps its target, on every replica', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map((model) => UpstreamServer.start({ model })));
    const config: RouterConfigInput = {
      targets: servers.map((server) => targetOn(server)),
      models: [{ name: 'auto', strategy: 'weighted', targets: ['a', 'b', 'c'], weights: { a: 2 } }],
      cache: { enabled: false },
    };
    const replicas = await Promise.all([startRouter(config), startRouter(config)]);
    servers.forEach((server) => server.always(toolCall('find', { x: 1 })));
    const used = new Map<string, number>();
    try {
      for (let talk = 0; talk < 20; talk += 1) {
        const messages: unknown[] = [
          { role: 'system', content: 'Use tools.' },
          { role: 'user', content: `task ${talk}` },
        ];
        const seen: (string | null)[] = [];
        for (let step = 0; step < 4; step += 1) {
          const { headers, raw } = await called(replicas[step % 2]!, { messages, tools: TOOLS });
          seen.push(headers.get('x-router-target'));
          const { choices } = JSON.parse(raw) as { choices: { message: { tool_calls: { id: string }[] } }[] };
          const { message } = choices[0]!;
          messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0]!.id, content: 'found' });
        }
        expect(new Set(seen).size).toBe(1);
        used.set(seen[0]!, (used.get(seen[0]!) ?? 0) + 1);
      }
      expect(used.size).toBe(3);
      figure(
        'F28',
        `20 loops of 4 steps on two replicas, targets changed 0 times; ${[...used].map(([id, n]) => `${id} ${n}`).join(', ')}`,
      );
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
      await Promise.all(servers.map((server) => server.close()));
    }
  });

  it.each(['latency', 'priority', 'weighted'] as const)(
    'F28 %s: the target that called a tool gets its result, also when it answered in place of another',
    async (strategy) => {
      const [first, second] = await Promise.all(['first', 'second'].map((model) => UpstreamServer.start({ model })));
      const router = await startRouter({
        targets: [targetOn(first!), targetOn(second!)],
        models: [{ name: 'auto', strategy, targets: ['first', 'second'], weights: { second: 0 } }],
        cache: { enabled: false },
        resilience: { retries: 0 },
      });
      try {
        first!.always(status(500));
        second!.always(toolCall('find', { x: 1 }));
        const messages: unknown[] = ask('look it up');
        const begun = await called(router, { messages, tools: TOOLS, stream: true });
        expect(begun.headers.get('x-router-target')).toBe('second');
        first!.always(answer('I know nothing of that call'));
        messages.push(
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'find', arguments: '{"x":1}' } }],
          },
          { role: 'tool', tool_call_id: 'call_1', content: 'found' },
        );
        const next = await called(router, { messages, tools: TOOLS });
        expect([next.headers.get('x-router-target'), next.headers.get('x-router-reason')]).toEqual([
          'second',
          'tool_loop',
        ]);
      } finally {
        await router.close();
        await Promise.all([first!.close(), second!.close()]);
      }
    },
  );

  it('F28 latency, on replicas with one Redis: the result goes to the target that called, whatever the other replica measured', async () => {
    const servers = await Promise.all(['a', 'b'].map((model) => UpstreamServer.start({ model })));
    const redis = await RedisServer.start();
    const config: RouterConfigInput = {
      targets: servers.map((server) => targetOn(server)),
      models: [{ name: 'auto', strategy: 'latency', targets: ['a', 'b'] }],
      cache: { enabled: false },
      redis: { url: redis.url },
    };
    const replicas = await Promise.all([startRouter(config), startRouter(config)]);
    servers.forEach((server) => server.always(toolCall('find', { x: 1 })));
    try {
      const [one, two] = replicas;
      const isReady = async ({ url }: RouterApp) =>
        (await (await fetch(`${url}/ready`)).text()).includes('"redis":{"status":"up"');
      await eventually('Redis', 5_000, async () => (await isReady(one)) && (await isReady(two)));
      // `two` has measured a, so that it would measure b next
      await called(two, { model: 'a', stream: true });
      const messages: unknown[] = ask('look it up');
      expect((await called(one, { messages, tools: TOOLS })).headers.get('x-router-target')).toBe('a');
      messages.push(
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'find', arguments: '{"x":1}' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'found' },
      );
      const preview = () =>
        post(`${two.url}/v1/route`, { model: 'auto', messages, tools: TOOLS }).then((answer) => jsonOf(answer));
      expect(await jsonOf(await post(`${two.url}/v1/route`, { model: 'auto', messages: ask('hi') }))).toMatchObject({
        target: 'b',
      });
      await eventually('the other replica knows', 5_000, async () => (await preview())['reason_code'] === 'tool_loop');
      expect((await called(two, { messages, tools: TOOLS })).headers.get('x-router-target')).toBe('a');
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
      await Promise.all(servers.map((server) => server.close()));
      await redis.close();
    }
  });

  it('F44 what only pretends to be a model is marked wherever a target is named', async () => {
    const router = await startRouter({
      targets: [{ id: 'small', tier: 'local', ...SIMULATED }],
      cache: { enabled: false },
    });
    try {
      const get = async (path: string) => jsonOf(await fetch(`${router.url}${path}`));
      const simulated = { simulated: true };
      const query = await post(`${router.url}/query`, { query: 'hi', session_id: 'pretended' });
      expect(query.headers.get('x-router-simulated')).toBe('true');
      expect(await jsonOf(query)).toMatchObject({ metadata: simulated });
      expect(await jsonOf(await post(`${router.url}/v1/route`, { query: 'hi' }))).toMatchObject(simulated);
      expect(await get('/v1/sessions/pretended')).toMatchObject({ turns: [simulated] });
      expect(await get('/v1/sessions/pretended/export')).toMatchObject({ session: { turns: [simulated] } });
      expect(await get('/v1/sessions/pretended/insights')).toMatchObject({ targets: { small: simulated } });
      expect(await get('/v1/models')).toMatchObject({
        data: [
          { id: 'auto', ...simulated },
          { id: 'small', ...simulated },
        ],
      });
      expect(await get('/admin/targets')).toMatchObject([simulated]);
    } finally {
      await router.close();
    }
  });
});
