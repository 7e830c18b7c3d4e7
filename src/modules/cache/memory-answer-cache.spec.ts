import type { CachedAnswer } from './cache.messages.js';
import { MemoryAnswerCache } from './memory-answer-cache.js';

const answer = (text = 'x'): CachedAnswer => ({
  completion: { text, json: {} },
  target: 'local',
  tier: 'local',
  model: 'm',
  simulated: false,
  usage: null,
});

function cacheWith(bounds: { maxEntries?: number; maxBytes?: number; maxEntryBytes?: number } = {}, random = 0) {
  const clock = { now: 0 };
  const full = { maxEntries: 100, maxBytes: 1_000_000, maxEntryBytes: 100_000, ...bounds };
  const cache = new MemoryAnswerCache(
    full,
    () => clock.now,
    () => random,
  );
  return { clock, cache };
}

describe('MemoryAnswerCache', () => {
  it.each([
    [0, 100_000],
    [0.5, 95_000],
    [0.9999, 90_001],
  ])('keeps an answer for its lifetime less a jitter of up to 10 %%: random %d', (random, lifetimeMs) => {
    const { cache, clock } = cacheWith({}, random);
    const stored = answer();
    cache.set('k', stored, 100);
    clock.now = lifetimeMs - 1;
    expect(cache.get('k')).toBe(stored);
    clock.now = lifetimeMs + 1;
    expect(cache.get('k')).toBeNull();
    expect([cache.entries.size, cache.entries.weight]).toEqual([0, 0]);
  });

  it('forgets the answers of one session', () => {
    const { cache } = cacheWith();
    for (const [key, session] of [
      ['a', 'one'],
      ['b', 'two'],
      ['c', null],
    ] as const) {
      cache.set(key, answer(), 10, session);
    }
    cache.forgetSession('one');
    expect(['a', 'b', 'c'].map((key) => cache.get(key) !== null)).toEqual([false, true, true]);
  });

  it('lets the one go that was longest not asked for', () => {
    const { cache } = cacheWith({ maxEntries: 2 });
    cache.set('a', answer(), 10);
    cache.set('b', answer(), 10);
    cache.get('a');
    cache.set('c', answer(), 10);
    expect(['a', 'b', 'c'].map((key) => cache.get(key) !== null)).toEqual([true, false, true]);
  });

  it('stays within its bytes, whatever comes', () => {
    const { cache } = cacheWith({ maxBytes: 50_000, maxEntries: 1e9 });
    for (let i = 0; i < 1000; i += 1) {
      cache.set(`k${i % 300}`, answer('x'.repeat((i * 37) % 5000)), 10);
      expect(cache.entries.weight).toBeLessThanOrEqual(50_000);
    }
    expect(cache.entries.size).toBeGreaterThan(3);
    expect(cache.get('k99')).not.toBeNull();
  });

  it('leaves an answer out that is too large, and what it would have replaced', () => {
    const { cache } = cacheWith({ maxEntryBytes: 10_000 });
    cache.set('k', answer(), 10);
    cache.set('k', answer('x'.repeat(4000)), 10);
    expect(cache.get('k')).toBeNull();
    expect(cache.entries.weight).toBe(0);
  });

  it('counts a replaced answer once', () => {
    const { cache } = cacheWith();
    cache.set('k', answer('a'), 10);
    const once = cache.entries.weight;
    cache.set('k', answer('b'), 10);
    expect([cache.entries.size, cache.entries.weight]).toEqual([1, once]);
  });

  it('stores by default an answer of 300,000 characters and not one of 2 million', () => {
    const cache = new MemoryAnswerCache();
    cache.set('fits', answer('x'.repeat(300_000)), 10);
    cache.set('too large', answer('x'.repeat(2_000_000)), 10);
    expect([cache.get('fits') !== null, cache.get('too large') !== null]).toEqual([true, false]);
  });
});
