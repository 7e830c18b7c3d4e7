import { LatestOf } from './latest-of.js';

describe('LatestOf', () => {
  it('keeps the latest, and no more than it may', () => {
    const latest = new LatestOf(10);
    for (let i = 0; i < 100; i += 1) latest.set(`key ${i}`, `value ${i}`);
    const kept = Array.from({ length: 100 }, (_, i) => i).filter((i) => latest.has(`key ${i}`));
    expect(kept.length).toBeGreaterThanOrEqual(5);
    expect(kept.length).toBeLessThanOrEqual(10);
    expect(kept.at(-1)).toBe(99);
    expect(kept[0]).toBe(100 - kept.length);
  });

  it('has the newest value of a name, and none of a deleted one', () => {
    const latest = new LatestOf(4);
    latest.set('a', '1');
    latest.set('b', '1');
    latest.set('c', '1');
    latest.set('a', '2');
    expect(latest.get('a')).toBe('2');
    latest.delete('a');
    expect(latest.has('a')).toBe(false);
    expect(latest.get('a')).toBeUndefined();
  });
});
