import type { ChatMessage, ChatRequest } from '../../common/chat.js';
import type { Capability, TargetStatus } from '../../common/target.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LearnedScorer } from './learned/learned-scorer.js';
import { shippedArtefact } from './learned/routing-artefact.js';
import { ShareControl } from './learned/share-control.js';
import type { RouteInput } from './route-decision.js';
import { decideRoute } from './route-decision.js';

const EASY = 'What is the capital of France?';
const HARD = 'Prove that there are infinitely many primes.';

const scorer = new LearnedScorer(shippedArtefact());

const NO_CALLS = { ttftMs: { p50: null, p95: null }, errorRate: 0, lastError: null };
const target = (id: string, over: Partial<TargetStatus> = {}): TargetStatus => ({
  id,
  tier: id.startsWith('local') ? 'local' : 'cloud',
  provider: 'openai',
  model: id,
  contextWindow: 8192,
  capabilities: [],
  price: { input: 1, output: 1 },
  timeouts: { connectMs: 1, firstTokenMs: 1, idleMs: 1, plainMs: 1, totalMs: 1, loadMs: 1 },
  simulated: false,
  breaker: 'closed',
  openForMs: 0,
  deployment: {},
  warm: null,
  slots: { inFlight: 0, queued: 0 },
  calls: NO_CALLS,
  ...over,
});

interface Scene {
  targets?: TargetStatus[];
  model?: Record<string, unknown>;
  localOnly?: boolean;
  text?: string;
  request?: Partial<ChatRequest>;
  history?: ChatMessage[][];
  strategy?: string;
  previous?: string;
  random?: number;
  shares?: ShareControl;
  tenants?: Record<string, { targets: string[] }>;
  live?: boolean;
  explain?: boolean;
}

function decide(scene: Scene = {}) {
  const targets = scene.targets ?? [target('local'), target('small'), target('large')];
  const ids = targets.map(({ id }) => id);
  const config = routerConfigSchema.parse({
    targets: ids.map((id) => ({ id, tier: 'local', provider: 'simulated' })),
    models: [{ name: 'auto', targets: ids, ...scene.model }],
    tenants: scene.tenants ?? {},
    privacy: { localOnly: scene.localOnly ?? false },
  });
  const shares = scene.shares ?? new ShareControl();
  const input: RouteInput = {
    request: { model: 'auto', messages: [{ role: 'user', content: scene.text ?? EASY }], ...scene.request },
    history: (scene.history ?? []).map((messages) => ({ messages })),
    strategy: scene.strategy ?? null,
    previousTarget: scene.previous ?? null,
    tenant: 'acme',
    onlyPriced: null,
    config,
    targets,
    now: () => 0,
    random: () => scene.random ?? 0,
    scorer,
    shares,
    conversation: null,
    live: true,
    explain: scene.explain ?? true,
  };
  const { decision, vote } = decideRoute(input);
  if (vote && (scene.live ?? true)) shares.record(vote.of, decision.score!, vote.strong);
  const { target: chosen, candidates, explanation } = decision;
  const named = { target: chosen.id, tier: chosen.tier, candidates: candidates.map(({ id }) => id) };
  return { ...decision, ...explanation, ...named };
}

const withCapabilities = (id: string, ...capabilities: Capability[]) => target(id, { capabilities });
const code = (slug: string, param?: string | null) =>
  expect.objectContaining({ code: slug, ...(param === undefined ? {} : { param }) });
const failure = (scene: Scene): unknown => {
  try {
    return decide(scene);
  } catch (error) {
    return error;
  }
};

describe('hard constraints', () => {
  it('a tenant that is listed uses its own targets only, also when it names another', () => {
    const tenants = { acme: { targets: ['small'] } };
    expect(decide({ tenants, text: HARD })).toMatchObject({
      target: 'small',
      candidates: ['small'],
      excluded: [],
    });
    const notMine = failure({ tenants, request: { model: 'large' } });
    expect(notMine).toEqual(code('model_not_allowed', 'model'));
    expect(failure({ tenants, request: { model: 'nowhere' } })).toEqual(notMine);
    expect((notMine as Error).message).not.toMatch(/large|local/);
    expect(decide({ tenants: { other: { targets: ['small'] } } }).target).toBe('local');
  });

  it('an explicit target is the only candidate', () =>
    expect(decide({ request: { model: 'small' }, text: HARD })).toMatchObject({
      target: 'small',
      candidates: ['small'],
      reasonCode: 'explicit_target',
      score: null,
    }));

  it('an unknown model is named as such, with known ones', () => {
    const error = failure({ request: { model: 'nope' } });
    expect(error).toEqual(code('model_not_found', 'model'));
    expect(String(error)).toContain('auto, local, small, large');
  });

  const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }];
  it.each<[Capability, string, string, Partial<ChatRequest>]>([
    ['tools', 'no_tools', 'tools', { tools: [{}] }],
    ['vision', 'no_vision', 'messages[0].content', { messages: image }],
    ['json', 'no_json', 'response_format', { response_format: { type: 'json_schema' } }],
  ])('%s is needed', (capability, why, param, request) => {
    const able = decide({ targets: [target('local'), withCapabilities('small', capability)], request });
    expect(able).toMatchObject({ target: 'small', excluded: [{ target: 'local', why }], reasonCode: 'only_candidate' });
    expect(failure({ request })).toEqual(code('invalid_request', param));
  });

  it('empty tools and plain text need nothing', () =>
    expect(decide({ request: { tools: [], response_format: { type: 'text' } } }).excluded).toEqual([]));

  it('the window holds prompt and answer', () => {
    const targets = [target('local', { contextWindow: 1000 }), target('large', { contextWindow: 10_000 })];
    expect(decide({ targets, request: { max_tokens: 995 } })).toMatchObject({
      target: 'large',
      excluded: [{ target: 'local', why: 'window_too_small' }],
    });
    expect(decide({ targets, request: { max_tokens: 100 } }).excluded).toEqual([]);
    expect(failure({ targets, text: 'word '.repeat(10_000) })).toEqual(code('context_length_exceeded', 'messages'));
  });

  it('the window holds what goes beside the messages, and 1,024 tokens of an answer without a limit', () => {
    const capabilities: Capability[] = ['tools'];
    const targets = [target('local', { capabilities }), target('large', { capabilities, contextWindow: 16_384 })];
    const description = 'x'.repeat(4 * 4_000);
    const messages = [{ role: 'user', content: 'x'.repeat(4 * 3_500) }];
    const tools = [{ type: 'function', function: { name: 'f', description } }];
    expect(decide({ targets, request: { messages } }).excluded).toEqual([]);
    const excluded = [{ target: 'local', why: 'window_too_small' }];
    expect(decide({ targets, request: { messages, tools } })).toMatchObject({ target: 'large', excluded });
    expect(decide({ targets, request: { messages, tools, max_tokens: 500 } }).excluded).toEqual([]);
  });

  it('history is trimmed to fit, so it takes no room', () =>
    expect(decide({ history: [[{ role: 'user', content: 'x'.repeat(100_000) }]] }).excluded).toEqual([]));

  it('private text stays local, also when it is in the history', () => {
    const kept = { tier: 'local', reasonCode: 'private_text', candidates: ['local'] };
    expect(decide({ localOnly: true, text: `${HARD} a@example.com` })).toMatchObject(kept);
    expect(
      decide({ localOnly: true, text: HARD, history: [[{ role: 'tool', content: 'a@example.com' }]] }),
    ).toMatchObject(kept);
    expect(decide({ localOnly: false, text: `${HARD} a@example.com` }).tier).toBe('cloud');
    expect(decide({ localOnly: true, text: HARD }).tier).toBe('cloud');
  });

  it('private text without a local target goes nowhere, not even to a named one', () => {
    const text = 'mail a@example.com';
    expect(failure({ localOnly: true, text, targets: [target('small')] })).toEqual(code('privacy_no_local_target'));
    expect(failure({ localOnly: true, text, request: { model: 'small' } })).toEqual(code('privacy_no_local_target'));
    const down = [target('local', { breaker: 'open' }), target('small')];
    expect(failure({ localOnly: true, text, targets: down })).toEqual(code('no_target_available'));
  });

  it('drained and failing targets are left out', () => {
    const targets = [target('local', { breaker: 'drained' }), target('small', { breaker: 'open' }), target('large')];
    expect(decide({ targets })).toMatchObject({
      target: 'large',
      excluded: [
        { target: 'local', why: 'drained' },
        { target: 'small', why: 'breaker_open' },
      ],
    });
    expect(failure({ targets: targets.slice(0, 2) })).toEqual(code('no_target_available'));
    expect(decide({ targets: [target('local', { breaker: 'half_open' })] }).target).toBe('local');
  });
});

describe('strategies', () => {
  it('hybrid: easy to the weak side, hard to the strong one, the rest as fallbacks in order', () => {
    const model = { strong: ['large'] };
    expect(decide({ model })).toMatchObject({ candidates: ['local', 'small', 'large'], reasonCode: 'rule_simple' });
    expect(decide({ model, text: HARD })).toMatchObject({
      strategy: 'hybrid',
      candidates: ['large', 'local', 'small'],
      reasonCode: 'rule_complex',
      rules: ['proof'],
      threshold: 1 - 0.4,
    });
  });

  it('learned: says what the prompt looks like, which features moved it, and with which artefact', () => {
    const text = 'Tom has 3 boxes of 12 pens each. He gives 7 pens to each of his 4 friends. How many pens are left?';
    const decision = decide({ strategy: 'learned', text });
    expect(decision.reason).toContain('multi-step arithmetic');
    expect(decision.reasonCode).toMatch(/^learned_/);
    expect(Object.keys(decision.features!).length).toBeGreaterThan(2);
    expect(decision.policyVersion).toContain(scorer.artefact.version);
  });

  it.each([0.1, 0.4, 0.8])('learned: keeps a strong share of %d on traffic that is all alike', (strongShare) => {
    const shares = new ShareControl();
    const tiers = Array.from({ length: 1500 }, (_, i) => {
      const text = `How many apples are left when ${i} of ${3 * i + 2} apples are eaten by ${i % 13} children?`;
      return decide({ strategy: 'learned', model: { strongShare }, text, shares }).tier;
    });
    const realised = tiers.filter((tier) => tier === 'cloud').length / tiers.length;
    expect(Math.abs(realised - strongShare)).toBeLessThan(0.02);
  });

  it('an explanation does not count for the strong share', () => {
    const shares = new ShareControl();
    for (let i = 0; i < 50; i += 1) decide({ strategy: 'learned', text: HARD, shares, live: false });
    const own = { tenant: 'acme', model: 'auto', strategy: 'learned', share: 0.4 } as const;
    expect(shares.thresholdOf(own)).toBe(1 - 0.4);
    for (let i = 0; i < 50; i += 1) decide({ strategy: 'learned', text: HARD, shares });
    expect(shares.thresholdOf(own)).not.toBe(1 - 0.4);
  });

  it('the strong side is the cloud tier, or the dearest where all are of one tier', () => {
    expect(decide({ text: HARD }).target).toBe('small');
    const priced = (id: string, price: number | null) =>
      target(id, { price: price === null ? null : { input: price, output: price } });
    expect(decide({ text: HARD, targets: [priced('a', 1), priced('b', 9), priced('c', 2)] }).target).toBe('b');
    expect(decide({ text: HARD, targets: [priced('a', 1), priced('b', null), priced('c', 2)] }).target).toBe('b');
    expect(decide({ text: HARD, targets: [priced('a', 1), priced('b', 1)] }).target).toBe('b');
  });

  it('an empty side gives way', () =>
    expect(
      decide({ text: HARD, targets: [target('local1'), target('local2'), target('large', { breaker: 'open' })] }),
    ).toMatchObject({
      target: 'local1',
      reasonCode: 'rule_complex',
      reason: expect.stringContaining('No target of that side'),
    }));

  it('priority takes the first, whatever the prompt', () =>
    expect(decide({ strategy: 'priority', text: HARD })).toMatchObject({
      target: 'local',
      score: null,
      reasonCode: 'priority',
    }));

  it('weighted draws by weight', () => {
    const draw = (random: number) =>
      decide({ strategy: 'weighted', model: { weights: { local: 0, small: 3 } }, random });
    expect(draw(0)).toMatchObject({ target: 'small', candidates: ['small', 'local', 'large'], reasonCode: 'weighted' });
    expect(draw(0.74).target).toBe('small');
    expect(draw(0.76).target).toBe('large');
    expect(draw(0.9999999).target).toBe('large');
  });

  it('cost takes the cheapest; an unknown price is last, warm state does not matter', () => {
    const targets = [
      target('unknown', { price: null }),
      target('dear', { price: { input: 5, output: 5 } }),
      target('local', { price: { input: 0, output: 1 }, warm: false }),
    ];
    expect(decide({ strategy: 'cost', targets })).toMatchObject({ target: 'local', reasonCode: 'cheapest' });
    expect(decide({ strategy: 'cost', targets: targets.slice(0, 2) }).target).toBe('dear');
  });

  it('latency takes the fastest, but measures the unmeasured first', () => {
    const timed = (id: string, p50: number | null, over = {}, errorRate = 0) =>
      target(id, { calls: { ...NO_CALLS, ttftMs: { p50, p95: p50 }, errorRate }, ...over });
    const pick = (...targets: TargetStatus[]) => decide({ strategy: 'latency', targets }).target;
    expect(pick(timed('a', 90), timed('b', 30))).toBe('b');
    expect(pick(timed('a', 90), timed('b', null))).toBe('b');
    expect(pick(timed('a', 90), timed('local', null, { warm: false }))).toBe('a');
    expect(pick(timed('a', 90), timed('b', null, {}, 1))).toBe('a');
    expect(pick(timed('a', 90), timed('b', null, { slots: { inFlight: 1, queued: 0 } }))).toBe('a');
  });

  it.each(['magic', ''])('%j is refused with the valid ones', (strategy) => {
    const error = failure({ strategy });
    expect(error).toEqual(code('invalid_request', 'strategy'));
    expect(String(error)).toContain('hybrid, learned, rules, cost');
  });
});

describe('conversation', () => {
  const call: ChatMessage = { role: 'assistant', tool_calls: [{ id: '1' }] };

  it('never switches inside a tool loop', () => {
    const loop = { previous: 'local', text: HARD };
    expect(decide({ ...loop, history: [[call]] })).toMatchObject({ target: 'local', reasonCode: 'tool_loop' });
    const messages: ChatMessage[] = [{ role: 'user', content: HARD }, call, { role: 'tool', content: '4' }];
    expect(decide({ ...loop, request: { messages } })).toMatchObject({ target: 'local', reasonCode: 'tool_loop' });
    expect(decide({ ...loop, strategy: 'cost', request: { messages } }).reasonCode).toBe('tool_loop');
  });

  it('a tool loop moves on when its target is gone', () =>
    expect(
      decide({
        previous: 'local',
        text: HARD,
        history: [[call]],
        targets: [target('local', { breaker: 'open' }), target('a'), target('b')],
      }).tier,
    ).toBe('cloud'));

  it('switches only when the score is clear', () => {
    const vague =
      'The weather in Paris and how people there spend a rainy Sunday in spring with their families and friends at home';
    // the score is a little below the threshold
    const model = { strongShare: 1 - (decide({ text: vague }).score! + 0.1) };
    expect(decide({ text: vague, model })).toMatchObject({ target: 'local', reasonCode: 'learned_simple' });
    expect(decide({ text: vague, model, previous: 'large' })).toMatchObject({
      target: 'large',
      reasonCode: 'sticky_session',
    });
    expect(decide({ text: HARD, previous: 'local' }).tier).toBe('cloud');
    expect(decide({ text: EASY, previous: 'large' }).tier).toBe('local');
  });

  it('stays with the same target of a side, and with the draw of a weighted model', () => {
    expect(decide({ text: HARD, previous: 'large' })).toMatchObject({ target: 'large', reasonCode: 'sticky_session' });
    expect(decide({ strategy: 'weighted', previous: 'large' }).target).toBe('large');
    expect(decide({ previous: 'gone' }).target).toBe('local');
  });

  it.each(['and why?', 'continue', 'Warum?', '¿y por qué?', '继续'])('%s is about what went before', (text) => {
    const history = [
      [
        { role: 'user', content: HARD },
        { role: 'assistant', content: '...' },
      ],
    ];
    expect(decide({ text, history })).toMatchObject({ tier: 'cloud', features: { follow_up: 1, user_turns: 2 } });
    expect(decide({ text, history: [[{ role: 'user', content: EASY }]] }).tier).toBe('local');
  });

  it('thanks end the subject', () =>
    expect(decide({ text: 'Thanks!', history: [[{ role: 'user', content: HARD }]] }).tier).toBe('local'));
});

describe('warm state', () => {
  const cold = target('local1', { warm: false });

  it('puts a cold local target behind a ready one of its side', () => {
    expect(decide({ targets: [cold, target('local2', { warm: true }), target('large')] })).toMatchObject({
      target: 'local2',
      candidates: ['local2', 'local1', 'large'],
    });
  });

  it('does not change sides for it', () =>
    expect(decide({ targets: [cold, target('local2', { warm: false }), target('large')] }).target).toBe('local1'));
});

it.each(['rules', 'learned', 'hybrid', 'cascade', 'priority', 'cost'])(
  '%s: decides alike where nobody asks why',
  (strategy) => {
    const shares = [new ShareControl(), new ShareControl()] as const;
    for (const text of [
      EASY,
      HARD,
      'Hi!',
      'Is 17 * 23 + 4 more than 400? A. yes B. no C. neither',
      '为什么?'.repeat(60),
    ]) {
      for (const strongShare of [0, 0.3, 0.9]) {
        const scene = { strategy, text, model: { strongShare } };
        const told = decide({ ...scene, shares: shares[0] });
        const plain = decide({ ...scene, shares: shares[1], explain: false });
        expect(told.explanation?.reason).toBeTruthy();
        expect(plain.explanation).toBeNull();
        for (const field of ['target', 'candidates', 'escalation', 'score', 'threshold', 'reasonCode'] as const) {
          expect(plain[field]).toEqual(told[field]);
        }
      }
    }
  },
);

it('reports its time in microseconds', () => {
  expect(decide().tookUs).toBe(0);
});
