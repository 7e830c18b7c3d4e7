import { median, percentile, ratioOf, slopeOf } from './statistics.js';

describe('percentile', () => {
  const values = [5, 1, 4, 2, 3];
  it.each([
    [0, 1],
    [0.2, 1],
    [0.5, 3],
    [0.99, 5],
    [1, 5],
  ])('share %d is %d', (share, expected) => expect(percentile(values, share)).toBe(expected));

  it('leaves the values in their order and knows nothing of none', () => {
    percentile(values, 0.5);
    expect(values).toEqual([5, 1, 4, 2, 3]);
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe('median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[], NaN],
  ])('of %j is %d', (values, expected) => expect(median(values)).toBe(expected));
});

describe('ratioOf', () => {
  it('compares neighbours, so a machine that slows down in the middle changes nothing', () => {
    const rounds = [1, 1, 0.5, 0.4, 0.3].map((speed) => ({ bare: 1000 * speed, router: 600 * speed }));
    expect(ratioOf(rounds)).toBeCloseTo(0.6);
  });
});

describe('slopeOf', () => {
  it('is that of the line, and of the nearest line through points beside it', () => {
    const line = [0, 1, 2, 5].map((x) => ({ x, y: 3 * x - 7 }));
    expect(slopeOf(line)).toBeCloseTo(3);
    const around = line.flatMap(({ x, y }) => [
      { x, y: y + 1 },
      { x, y: y - 1 },
    ]);
    expect(slopeOf(around)).toBeCloseTo(3);
  });

  it('is 0 for a level', () => expect(slopeOf([1, 2, 3].map((x) => ({ x, y: 5 })))).toBe(0));
});
