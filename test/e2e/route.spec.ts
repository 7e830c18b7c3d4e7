import { UpstreamServer } from '../support/upstream-server.js';
import { answer } from '../support/upstream-behaviours.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, jsonOf, post } from '../support/router-calls.js';
import { targetOn } from '../support/router-targets.js';

interface Decision {
  readonly strategy: string;
  readonly target: string;
  readonly candidates: string[];
  readonly excluded: { target: string; why: string }[];
  readonly score: number | null;
  readonly threshold: number | null;
  readonly confidence: number | null;
  readonly reason_code: string;
  readonly rules: string[];
  readonly features: Record<string, number>;
  readonly took_us: number;
}

const user = (content: unknown) => ({ role: 'user', content });
const IMAGE = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }];

/** What may be asked, and the target that both the preview and the live decision must name. */
const REQUESTS: { name: string; body: object; headers?: Record<string, string>; target?: string; reason?: string }[] = [
  { name: 'small talk', body: { messages: [user('Hello!')] }, target: 'medium', reason: 'rule_simple' },
  { name: 'a fact', body: { messages: [user('What is the capital of France?')] }, target: 'medium' },
  { name: 'a proof', body: { messages: [user('Prove that the square root of 2 is irrational.')] }, target: 'large' },
  {
    name: 'a design',
    body: { messages: [user('Design the architecture of a distributed rate limiter, step by step.')] },
    target: 'large',
    reason: 'rule_complex',
  },
  { name: 'another language', body: { messages: [user('Was ist die Hauptstadt von Norwegen?')] } },
  { name: 'no letters', body: { messages: [user('???')] } },
  {
    name: 'a named target',
    body: { model: 'medium', messages: [user('hi')] },
    target: 'medium',
    reason: 'explicit_target',
  },
  { name: 'an image', body: { messages: [user(IMAGE)] }, target: 'large' },
  { name: 'tools', body: { messages: [user('hi')], tools: [{ type: 'function', function: { name: 'f' } }] } },
  { name: 'a long prompt', body: { messages: [user('word '.repeat(9_000))] }, target: 'large' },
  {
    name: 'strategy rules',
    body: { messages: [user('Hello!')] },
    headers: { 'x-router-strategy': 'rules' },
    target: 'medium',
  },
  {
    name: 'strategy priority',
    body: { messages: [user('Hello!')] },
    headers: { 'x-router-strategy': 'priority' },
    target: 'medium',
    reason: 'priority',
  },
  {
    name: 'strategy cost',
    body: { messages: [user('Prove it.')] },
    headers: { 'x-router-strategy': 'cost' },
    target: 'small',
    reason: 'cheapest',
  },
  {
    name: 'weighted to one side',
    body: { model: 'drawn', messages: [user('Hello!')] },
    target: 'large',
    reason: 'weighted',
  },
  {
    name: 'private text',
    body: { messages: [user('Prove that my card 4111 1111 1111 1111 is mine.')] },
    target: 'medium',
    reason: 'private_text',
  },
];

describe('POST /v1/route', () => {
  let upstreams: UpstreamServer[];
  let router: RouterApp;
  beforeAll(async () => {
    upstreams = await Promise.all(['medium', 'small', 'large'].map((model) => UpstreamServer.start({ model })));
    const [medium, small, large] = upstreams as [UpstreamServer, UpstreamServer, UpstreamServer];
    const models = { targets: ['medium', 'small', 'large'] };
    router = await startRouter({
      targets: [
        targetOn(medium, { contextWindow: 8_192, capabilities: ['tools', 'json'], price: { input: 1, output: 1 } }),
        targetOn(small, { contextWindow: 8_192, capabilities: ['tools'], price: { input: 0, output: 0 } }),
        targetOn(large, { tier: 'cloud', contextWindow: 128_000, price: { input: 10, output: 30 } }),
      ],
      models: [
        { name: 'auto', strategy: 'hybrid', ...models },
        { name: 'drawn', strategy: 'weighted', ...models, weights: { medium: 0, small: 0 } },
        { name: 'quick', strategy: 'latency', ...models },
      ],
      cache: { enabled: false },
      privacy: { localOnly: true },
    });
  });
  beforeEach(() => upstreams.forEach((upstream) => upstream.reset()));
  afterAll(async () => {
    await router.close();
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  });

  const calls = () => upstreams.reduce((sum, { requests }) => sum + requests.length, 0);
  const route = async (body: object, headers: Record<string, string> = {}) => {
    const response = await post(`${router.url}/v1/route`, body, headers);
    expect(response.status).toBe(200);
    return jsonOf<Decision & Record<string, unknown>>(response);
  };

  it('answers with the decision record of DESIGN section 4 and calls no model', async () => {
    const decision = await route({ query: 'What is the capital of France?' });
    expect(decision).toMatchObject({
      strategy: 'hybrid',
      tier: 'local',
      simulated: false,
      candidates: expect.arrayContaining(['medium', 'small', 'large']),
      excluded: [],
      score: expect.any(Number),
      threshold: expect.any(Number),
      reason: expect.stringMatching(/\.$/),
      reason_code: 'rule_simple',
      rules: expect.arrayContaining([expect.any(String)]),
      features: expect.objectContaining({ tokens: expect.any(Number) }),
      policy_version: expect.stringMatching(/^\S+$/),
      took_us: expect.any(Number),
    });
    expect(Object.keys(decision)).toHaveLength(15);
    expect(decision.candidates[0]).toBe(decision.target);
    expect(decision.score).toBeLessThan(decision.threshold as number);
    expect(Object.values(decision.features).every((value) => Number.isFinite(value))).toBe(true);
    expect(calls()).toBe(0);
  });

  it('has no score for strategies that do not score', async () => {
    const decision = await route({ query: 'hi', strategy: 'cost' });
    expect(decision).toMatchObject({ score: null, threshold: null, confidence: null });
  });

  it('says why targets are out', async () => {
    const { excluded } = await route({ messages: [user(IMAGE)] });
    expect(excluded).toEqual([
      { target: 'medium', why: 'no_vision' },
      { target: 'small', why: 'no_vision' },
    ]);
  });

  it.each(REQUESTS)('$name: the same decision as live', async ({ body, headers, target, reason }) => {
    const request = { model: 'auto', ...body };
    const decision = await route(request, headers);
    if (target !== undefined) expect(decision.target).toBe(target);
    if (reason !== undefined) expect(decision.reason_code).toBe(reason);
    expect(calls()).toBe(0);
    const live = await chat(router, request, headers);
    expect(live.status).toBe(200);
    expect(Object.fromEntries(live.headers)).toMatchObject({
      'x-router-target': decision.target,
      'x-router-strategy': decision.strategy,
      'x-router-reason': decision.reason_code,
      ...(decision.score === null ? {} : { 'x-router-score': String(Number(decision.score.toFixed(4))) }),
    });
    expect(calls()).toBe(1);
  });

  it('sees the session that the live request would continue', async () => {
    const headers = { 'x-session-id': 'route-session' };
    const [, , large] = upstreams as [UpstreamServer, UpstreamServer, UpstreamServer];
    large.always(answer('', { toolCalls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }));
    const tools = [{ type: 'function', function: { name: 'f' } }];
    await (await chat(router, { model: 'large', messages: [user('go')], tools }, headers)).text();
    const next = { messages: [{ role: 'tool', tool_call_id: 'c', content: 'Hello!' }], tools };
    expect(await route(next, headers)).toMatchObject({ target: 'large', reason_code: 'tool_loop' });
    expect((await chat(router, next, headers)).headers.get('x-router-target')).toBe('large');
  });

  it('strategy latency prefers the target that was soonest to speak', async () => {
    const pace = async (model: string) => (await chat(router, { model, stream: true })).text();
    for (const model of ['medium', 'small', 'large', 'small']) await pace(model);
    const states = (await (await fetch(`${router.url}/admin/targets`)).json()) as {
      id: string;
      ttft_ms: { p50: number };
    }[];
    const soonest = states.toSorted((a, b) => a.ttft_ms.p50 - b.ttft_ms.p50)[0]?.id;
    expect(await route({ query: 'hi', model: 'quick' })).toMatchObject({ target: soonest, reason_code: 'fastest' });
  });

  it('leaves drained targets out', async () => {
    const steer = (what: string) => fetch(`${router.url}/admin/targets/small/${what}`, { method: 'POST' });
    await steer('drain');
    const decision = await route({ query: 'hi', strategy: 'cost' });
    await steer('enable');
    expect(decision.excluded).toEqual([{ target: 'small', why: 'drained' }]);
    expect(decision.candidates).not.toContain('small');
  });
});
