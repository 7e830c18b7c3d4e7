import { SlidingWindow } from './sliding-window.js';

const total = (window: SlidingWindow, now: number): number => window.state(now, 0, Infinity).used;

describe('SlidingWindow', () => {
  it('counts what was used within the last 60 s and nothing older', () => {
    const window = new SlidingWindow();
    window.add(0, 3);
    window.add(30_000, 4);
    expect(total(window, 59_999)).toBe(7);
    expect(total(window, 60_000)).toBe(4);
    expect(total(window, 90_000)).toBe(0);
  });

  it('never forgets early, whatever shares a bucket', () => {
    const window = new SlidingWindow();
    window.add(0, 1);
    window.add(249, 1);
    expect(total(window, 60_248)).toBe(2);
    expect(total(window, 60_249)).toBe(0);
  });

  it.each([
    // limit 10; 6 at 0 s, 3 at 20 s; asked at 30 s
    [1, 0],
    [2, 30_000],
    [7, 30_000],
    [8, 50_000],
    [10, 50_000],
    [99, 50_000],
  ])('says when %i more fit: in %i ms', (weight, ms) => {
    const window = new SlidingWindow();
    window.add(0, 6);
    window.add(20_000, 3);
    expect(window.state(30_000, weight, 10).fitsInMs).toBe(ms);
  });

  it('gives back where it was counted, and nothing once that has left the window', () => {
    const window = new SlidingWindow();
    const early = window.add(0, 100);
    window.add(10_000, 50);
    window.giveBack(20_000, early, 70);
    expect(total(window, 20_000)).toBe(80);
    window.giveBack(65_000, early, 30);
    expect(total(window, 65_000)).toBe(50);
  });

  it('holds at most 241 buckets under a storm', () => {
    const window = new SlidingWindow();
    const seen = new Set<object>();
    for (let ms = 0; ms < 60_000; ms += 1) seen.add(window.add(ms, 1));
    expect(total(window, 59_999)).toBe(60_000);
    expect(seen.size).toBeLessThanOrEqual(241);
  });

  it('is empty once all was given back, and stays empty when nothing is counted', () => {
    const window = new SlidingWindow();
    const buckets = Array.from({ length: 200 }, (_, n) => window.add(n * 250, 5));
    for (const bucket of buckets) window.giveBack(50_000, bucket, 5);
    window.add(50_000, 0);
    expect(window.state(50_000, 1, 10)).toEqual({ used: 0, emptyInMs: 0, fitsInMs: 0 });
  });
});
