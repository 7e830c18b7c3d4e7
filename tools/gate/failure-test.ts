import { binomialTail } from './distributions.js';

/** Failed requests of both revisions in one minute. */
export interface FailureMinute {
  readonly oldRequests: number;
  readonly oldErrors: number;
  readonly newRequests: number;
  readonly newErrors: number;
}

/** Failed requests of both revisions over all minutes; rates are 0 to 1. */
export interface FailureEvidence {
  /** Of the old revision, as if its traffic had been spread over the minutes as the new one's was. */
  readonly oldRate: number;
  readonly newRate: number;
  /** How much more errors vary from minute to minute than independent requests would; at least 1. */
  readonly dispersion: number;
  /** Of the test that the new one fails more, without the worst minute of each. */
  readonly p: number;
  /** Errors of the new one beyond what the old one's rate would have made, without the same minutes. */
  readonly excessErrors: number;
  /** Upper bound of newRate - oldRate. */
  readonly excessUpper: number;
}

const sumOf = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((sum, item) => sum + value(item), 0);

/**
 * Upper bound of the difference p1 - p0 of two proportions: Newcombe's hybrid of two Wilson intervals.
 *
 * @param z of the normal distribution: 1.645 = 95 %, one-sided
 * @see Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10
 */
export function newcombeUpper(p1: number, n1: number, p0: number, n0: number, z: number): number {
  const wilson = (p: number, n: number, sign: 1 | -1) =>
    (p + (z * z) / (2 * n) + sign * z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return p1 - p0 + Math.hypot(wilson(p1, n1, 1) - p1, p0 - wilson(p0, n0, -1));
}

/** The share of a minute's errors that falls to the new revision when it fails `ratio` times as often. */
const shareOfNew = ({ oldRequests, newRequests }: FailureMinute, ratio: number): number =>
  (ratio * newRequests) / (ratio * newRequests + oldRequests);

/** Mantel-Haenszel's rate ratio over minutes; half an error more on each side, so that it is always finite. */
function rateRatio(minutes: readonly FailureMinute[]): number {
  const weighted = (one: FailureMinute, errors: number, requests: number) =>
    (errors * requests) / (one.oldRequests + one.newRequests);
  const half = sumOf(minutes, (one) => weighted(one, 0.5, one.oldRequests)) / minutes.length;
  const otherHalf = sumOf(minutes, (one) => weighted(one, 0.5, one.newRequests)) / minutes.length;
  const up = sumOf(minutes, (one) => weighted(one, one.newErrors, one.oldRequests));
  const down = sumOf(minutes, (one) => weighted(one, one.oldErrors, one.newRequests));
  return (up + half) / (down + otherHalf);
}

/**
 * Pearson's dispersion of the new revision's part of each minute's errors around its part of all of them. A minute in which a
 * provider fails both is not counted, as its errors are divided as always; a burst on one side is.
 *
 * @see McCullagh & Nelder, Generalized Linear Models (1989), section 4.5
 */
function dispersionOf(minutes: readonly FailureMinute[]): number {
  if (minutes.length < 2) return 1;
  const ratio = rateRatio(minutes);
  let seen = 0;
  let expected = 0;
  for (const one of minutes) {
    const share = shareOfNew(one, ratio);
    const errors = one.oldErrors + one.newErrors;
    seen += (one.newErrors - errors * share) ** 2;
    expected += errors * share * (1 - share);
  }
  if (expected === 0) return 1;
  return Math.max(1, (seen / expected) * (minutes.length / (minutes.length - 1)));
}

/** Errors of the new one beyond its part of the minute's errors. */
const excessOf = (one: FailureMinute): number => one.newErrors - (one.oldErrors + one.newErrors) * shareOfNew(one, 1);

/** From here on a bad minute of the old revision is left out, too. */
const LEAST_FOR_BOTH_ENDS = 5;

/** One bad minute is no verdict: what is said of the new revision has to hold without its worst. */
function withoutExtremes(minutes: readonly FailureMinute[]): readonly FailureMinute[] {
  const sorted = [...minutes].sort((a, b) => excessOf(a) - excessOf(b));
  return sorted.slice(minutes.length < LEAST_FOR_BOTH_ENDS ? 0 : 1, -1);
}

/**
 * The conditional test of two rates, by minute: of all errors of a minute the new revision has its part of the requests, when it
 * is as good as the old one. Both counts are divided by the dispersion first, as errors come in bursts.
 *
 * @see Przyborowski & Wilenski, Biometrika 31 (1940) 313-323 (the test); Rao & Scott, Biometrics 48 (1992) 577-585 (the division)
 */
function probabilityOf(minutes: readonly FailureMinute[]): number {
  const errors = sumOf(minutes, (one) => one.oldErrors + one.newErrors);
  const newErrors = sumOf(minutes, (one) => one.newErrors);
  if (newErrors === 0) return 1;
  const share = sumOf(minutes, (one) => (one.oldErrors + one.newErrors) * shareOfNew(one, 1)) / errors;
  const dispersion = dispersionOf(minutes);
  return binomialTail(newErrors / dispersion, errors / dispersion, share);
}

/** @param minutes in which both had requests; at least two */
export function failureEvidence(minutes: readonly FailureMinute[], z: number): FailureEvidence {
  const newRequests = sumOf(minutes, (one) => one.newRequests);
  const newRate = sumOf(minutes, (one) => one.newErrors) / newRequests;
  const oldRate = sumOf(minutes, (one) => (one.newRequests * one.oldErrors) / one.oldRequests) / newRequests;
  const dispersion = dispersionOf(minutes);
  const oldRequests = sumOf(minutes, (one) => one.oldRequests);
  const kept = withoutExtremes(minutes);
  return {
    oldRate,
    newRate,
    dispersion,
    p: probabilityOf(kept),
    excessErrors: sumOf(kept, (one) => one.newErrors - (one.newRequests * one.oldErrors) / one.oldRequests),
    excessUpper: newcombeUpper(newRate, newRequests / dispersion, oldRate, oldRequests / dispersion, z),
  };
}
