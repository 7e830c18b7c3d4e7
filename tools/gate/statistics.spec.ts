import { binomialTail, incompleteBeta, normalTail, studentQuantile, studentTail } from './distributions.js';
import { failureEvidence, newcombeUpper } from './failure-test.js';
import { costEvidence, moderatedMean } from './ratio-test.js';

const Z_95 = 1.6449;
const NO_PRIOR = { sd: 1, weight: 0 };

describe('distributions, against published values', () => {
  // Abramowitz & Stegun, table 26.10
  it.each([
    [1, 0.05, 6.314],
    [4, 0.01, 3.747],
    [10, 0.025, 2.228],
    [30, 0.005, 2.75],
    [120, 0.05, 1.658],
  ])('Student, %i degrees of freedom, tail %f: %f', (df, tail, t) => {
    expect(studentQuantile(tail, df)).toBeCloseTo(t, 3);
    expect(studentTail(t, df)).toBeCloseTo(tail, 4);
    expect(studentTail(-t, df)).toBeCloseTo(1 - tail, 4);
  });

  it('the normal tail, Abramowitz & Stegun, table 26.1', () => {
    expect(normalTail(1.6449)).toBeCloseTo(0.05, 5);
    expect(normalTail(3.0902)).toBeCloseTo(0.001, 6);
    expect(normalTail(-1)).toBeCloseTo(0.841345, 5);
    expect(normalTail(40)).toBeLessThan(1e-100);
  });

  it('the binomial tail is the sum of its terms', () => {
    expect(binomialTail(8, 10, 0.5)).toBeCloseTo(56 / 1024, 12); // 45 + 10 + 1 of 1024
    expect(binomialTail(1, 20, 0.1)).toBeCloseTo(1 - 0.9 ** 20, 12);
    expect(binomialTail(0, 10, 0.5)).toBe(1);
    expect(binomialTail(2_000, 10_000, 0.1)).toBeLessThan(1e-100);
  });

  it('the incomplete beta function is symmetric', () => {
    expect(incompleteBeta(0.5, 2, 3)).toBeCloseTo(11 / 16, 12);
    expect(incompleteBeta(0.9, 7.5, 2.5)).toBeCloseTo(1 - incompleteBeta(0.1, 2.5, 7.5), 12);
  });
});

describe('bounds and means, against published values', () => {
  // Newcombe 1998, table II, method 10: 95 %, two-sided
  it.each([
    [56, 70, 48, 80, 0.3339],
    [9, 10, 3, 10, 0.809],
    [5, 56, 0, 29, 0.1926],
    [0, 10, 0, 10, 0.2775],
  ])('%i/%i against %i/%i: %f', (a, n, b, m, upper) => {
    expect(newcombeUpper(a / n, n, b / m, m, 1.95996)).toBeCloseTo(upper, 4);
  });

  it('Student 1908, the sleep of ten patients', () => {
    const { mean, error, df } = moderatedMean([1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4], NO_PRIOR);
    expect(mean / error).toBeCloseTo(4.0621, 4);
    expect(2 * studentTail(mean / error, df)).toBeCloseTo(0.00283, 5);
  });

  it('a trimmed mean is not moved by one outlier at either end', () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const far = [-1e6, 2, 3, 4, 5, 6, 7, 8, 9, 1e6];
    expect(moderatedMean(far, NO_PRIOR, 0.1)).toEqual(moderatedMean(values, NO_PRIOR, 0.1));
    // Yuen 1974: winsorised squares 2 x 3.5^2 + 2 x (2.5^2 + 1.5^2 + 0.5^2) + 2 x 3.5^2 over h (h - 1), h = 8
    expect(moderatedMean(values, NO_PRIOR, 0.1).error).toBeCloseTo(Math.sqrt((4 * 12.25 + 2 * 8.75) / 56), 12);
  });

  it('two minutes that agree are no certainty', () => {
    const { error, df } = moderatedMean([0.4, 0.4], { sd: 0.2, weight: 4 });
    expect(df).toBe(5);
    expect(error).toBeCloseTo(Math.sqrt((4 * 0.04) / 5 / 2), 12);
  });
});

describe('the evidence of many minutes', () => {
  const minute = (oldErrors: number, newErrors: number) => {
    return { oldRequests: 900, oldErrors, newRequests: 100, newErrors };
  };
  const repeated = (count: number, oldErrors: number, newErrors: number) =>
    Array.from({ length: count }, () => minute(oldErrors, newErrors));

  it('an outage that hits both is no difference', () => {
    const { p, dispersion, newRate, oldRate } = failureEvidence([...repeated(12, 9, 1), ...repeated(3, 450, 50)], Z_95);
    expect(newRate - oldRate).toBeCloseTo(0, 12);
    expect(dispersion).toBe(1);
    expect(p).toBeGreaterThan(0.3);
  });

  it('the same errors are less evidence in bursts than evenly', () => {
    const even = failureEvidence(repeated(15, 9, 4), Z_95);
    const bursts = failureEvidence([...repeated(11, 9, 0), ...repeated(4, 9, 15)], Z_95);
    expect(bursts.newRate).toBeCloseTo(even.newRate, 12);
    expect(bursts.dispersion).toBeGreaterThan(3);
    expect(bursts.p).toBeGreaterThan(1000 * even.p);
    expect(bursts.excessUpper).toBeGreaterThan(even.excessUpper);
  });

  it('one minute alone is no evidence', () => {
    expect(failureEvidence([...repeated(14, 9, 1), minute(9, 100)], Z_95).p).toBeGreaterThan(0.3);
  });

  it('money counts by traffic, and a free minute is no obstacle', () => {
    const one = { oldUsd: 0.9, oldRequests: 900, newUsd: 0.1, newRequests: 100 };
    const few = { oldUsd: 0.009, oldRequests: 9, newUsd: 0.01, newRequests: 1 };
    const free = { oldUsd: 0, oldRequests: 90, newUsd: 0, newRequests: 10 };
    const { ratio } = costEvidence([...Array.from({ length: 10 }, () => one), few, free], 0.05);
    expect(ratio).toBeGreaterThan(1);
    expect(ratio).toBeLessThan(1.02);
    expect(costEvidence([free, free], 0.05).ratio).toBe(1);
  });
});
