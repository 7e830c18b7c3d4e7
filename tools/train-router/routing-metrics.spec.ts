import { quality } from './routing-metrics.js';

/** Ten queries, of which the strong side alone answers the first two. */
const outcomes = Array.from({ length: 10 }, (_, i) => ({ weak_correct: i < 2 ? 0 : 1, strong_correct: 1 }));
const down = outcomes.map((_, i) => -i);

describe('quality', () => {
  it('a perfect order recovers half of the gap with each of the first two tenths', () => {
    const { apgr, cpt50, cpt80, curve } = quality(outcomes, down);
    expect(curve).toEqual([0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(apgr).toBeCloseTo(0.9);
    expect(cpt50).toBeCloseTo(10);
    expect(cpt80).toBeCloseTo(16);
  });

  it('the opposite order recovers nothing before the end', () => {
    const { apgr, cpt50 } = quality(
      outcomes,
      down.map((score) => -score),
    );
    expect(apgr).toBeCloseTo(0.1);
    expect(cpt50).toBeCloseTo(90);
  });
});
