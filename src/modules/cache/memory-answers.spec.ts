import { KeptAnswer } from './kept-answer.js';
import { MemoryAnswers } from './memory-answers.js';

const keptOf = (changes: Partial<KeptAnswer> = {}): KeptAnswer =>
  new KeptAnswer({
    text: '{"choices":[]}',
    ...{ target: 'local', tier: 'local', model: 'm', usage: null, costUsd: null, tookMs: 1 },
    ...{ tenant: 'acme', askedModel: 'auto', sessionId: null, at: 0, freshMs: 1_000, staleMs: 500 },
    ...changes,
  });

function memoryOf(maxBytes = 100_000) {
  const state = { now: 0, clock: 0, maxBytes };
  const memory = new MemoryAnswers(
    () => state.maxBytes,
    () => state.now,
    () => state.clock,
  );
  return { memory, state };
}

describe('answers in memory', () => {
  it('are given while they are fresh or stale, and gone afterwards', () => {
    const { memory, state } = memoryOf();
    memory.set('k', keptOf(), 0);
    state.now = 1_499;
    expect(memory.get('k')).not.toBeNull();
    state.now = 1_500;
    expect(memory.get('k')).toBeNull();
    expect(memory.size).toBe(0);
  });

  it('leave in the order in which they were asked for', () => {
    const { memory } = memoryOf(3_500);
    const kept = keptOf({ text: 'x'.repeat(100) });
    for (const key of ['a', 'b', 'c']) memory.set(key, kept, 0);
    memory.get('a');
    memory.set('d', kept, 0);
    expect(['a', 'b', 'c', 'd'].filter((key) => memory.get(key))).toEqual(['a', 'c', 'd']);
    expect(memory.evictions).toBe(1);
    expect(memory.bytes).toBe(3_300);
  });

  it('count two bytes a character where one of them needs it', () => {
    const { memory } = memoryOf();
    memory.set('a', keptOf({ text: 'x'.repeat(100) }), 0);
    memory.set('b', keptOf({ text: `${'x'.repeat(99)}é` }), 0);
    expect(memory.bytes).toBe(2_300);
  });

  it('are left out where they are larger than the memory, and where there is none', () => {
    const { memory, state } = memoryOf(1_050);
    expect(memory.set('k', keptOf({ text: 'x'.repeat(100) }), 0)).toBe(true);
    state.maxBytes = 0;
    expect(memory.set('k', keptOf(), 0)).toBe(true);
    expect([memory.get('k'), memory.size, memory.bytes]).toEqual([null, 0, 0]);
  });

  it('stay within a bound that a reload has changed', () => {
    const { memory, state } = memoryOf(10_000);
    for (const key of ['a', 'b', 'c']) memory.set(key, keptOf({ text: 'x'.repeat(100) }), 0);
    state.maxBytes = 2_500;
    expect(['a', 'b', 'c'].filter((key) => memory.get(key))).toEqual(['b', 'c']);
    state.maxBytes = 10_000;
    expect(memory.get('b')).not.toBeNull();
  });

  it.each([
    [{ tenant: 'acme', model: null }, ['other']],
    [{ tenant: null, model: 'fast' }, ['acme', 'other', 'in session']],
    [{ tenant: 'acme', model: 'auto' }, ['fast', 'other']],
    [{ tenant: null, model: null }, []],
    [{ tenant: 'acme', sessionId: 's1' }, ['acme', 'fast', 'other']],
    [{ tenant: 'other', sessionId: 's1' }, ['acme', 'fast', 'other', 'in session']],
  ])('forget %j', (what, left) => {
    const { memory, state } = memoryOf();
    const all: Record<string, KeptAnswer> = {
      acme: keptOf(),
      fast: keptOf({ askedModel: 'fast' }),
      other: keptOf({ tenant: 'other' }),
      'in session': keptOf({ sessionId: 's1' }),
    };
    for (const [key, kept] of Object.entries(all)) memory.set(key, kept, 0);
    state.clock = 5;
    expect(memory.forget(what)).toBe(4 - left.length);
    expect(Object.keys(all).filter((key) => memory.get(key))).toEqual(left);
    // what began before is forgotten with it, what began afterwards is new
    const taken = (beganAt: number) => Object.keys(all).filter((key) => memory.set(key, all[key]!, beganAt));
    expect([taken(5), taken(6)]).toEqual([left, Object.keys(all)]);
  });
});
