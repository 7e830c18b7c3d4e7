import { insightsOf } from './session-json.js';
import { summaryOf, titleOf, totalCost } from './session-index.js';
import type { Turn } from './session.messages.js';

const turn = (changes: Partial<Turn>): Turn => ({
  id: 'A',
  at: '2026-11-23T09:00:00.000Z',
  requestId: 'r',
  messages: [{ role: 'user', content: 'hi' }],
  target: 'local',
  tier: 'local',
  model: 'm',
  usage: { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 },
  costUsd: 0.5,
  latencyMs: 100,
  cached: false,
  simulated: false,
  fallback: false,
  ...changes,
});

describe('insightsOf', () => {
  it('counts turns, switches, shares, tokens, cost, cache hits and fallbacks', () => {
    const targets = ['local', 'local', 'gpt', 'local'];
    const turns = targets.map((target, i) =>
      turn({ target, latencyMs: 400 - i * 100, cached: i === 1, fallback: i > 1 }),
    );
    expect(insightsOf(turns)).toEqual({
      turns: 4,
      model_switches: 2,
      targets: { local: { turns: 3, share: 0.75 }, gpt: { turns: 1, share: 0.25 } },
      latency_ms: { avg: 250, p50: 200, p95: 400, min: 100, max: 400 },
      usage: { prompt_tokens: 40, completion_tokens: 8, total_tokens: 48 },
      cost_usd: 2,
      cache_hits: 1,
      fallbacks: 2,
    });
  });

  it('says null, not 0, where it does not know', () => {
    const insights = insightsOf([turn({}), turn({ costUsd: null, usage: null })]);
    expect(insights.cost_usd).toBeNull();
    expect(insights.usage.total_tokens).toBe(12);
    expect(insightsOf([]).latency_ms).toBeNull();
  });

  it('takes a target of any name', () => {
    expect(Object.keys(insightsOf([turn({ target: '__proto__' })]).targets)).toEqual(['__proto__']);
  });
});

describe('percentiles', () => {
  it.each([
    [1, 1, 1],
    [20, 10, 19],
    [21, 11, 20],
    [100, 50, 95],
  ])('of 1..%d ms: p50 = %d, p95 = %d', (count, p50, p95) => {
    const turns = Array.from({ length: count }, (_, i) => turn({ latencyMs: i + 1 }));
    expect(insightsOf(turns).latency_ms).toMatchObject({ p50, p95 });
  });
});

describe('titleOf', () => {
  it.each([
    ['  Zwei\n\tZeilen \u0000 hier ', 'Zwei Zeilen hier'],
    ['a'.repeat(100), 'a'.repeat(80)],
    ['🎻'.repeat(90), '🎻'.repeat(80)],
    ['', ''],
  ])('%j -> %j', (content, title) => {
    expect(titleOf({ messages: [{ role: 'user', content }] })).toBe(title);
  });

  it('is the first text of the user, also from parts', () => {
    const parts = [{ type: 'image_url' }, { type: 'text', text: 'What is this?' }];
    const messages = [
      { role: 'system', content: 'Be kind' },
      { role: 'user', content: parts },
      { role: 'user', content: 'later' },
    ];
    expect(titleOf({ messages })).toBe('What is this?');
  });
});

describe('summaryOf', () => {
  it('sums up turns', () => {
    const later = turn({ at: '2026-11-23T10:00:00.000Z', costUsd: 1 });
    expect(summaryOf('s', [turn({}), later])).toEqual({
      id: 's',
      title: 'hi',
      createdAt: '2026-11-23T09:00:00.000Z',
      updatedAt: '2026-11-23T10:00:00.000Z',
      turnCount: 2,
      costUsd: 1.5,
    });
    expect(totalCost([])).toBe(0);
  });
});
