import { studentQuantile, studentTail } from './distributions.js';

/** What is held of the spread before anything was seen: as if `weight` minutes more had shown `sd`. */
export interface SpreadPrior {
  /** Standard deviation of one minute's log ratio. */
  readonly sd: number;
  readonly weight: number;
}

/** How many times as slow, or as dear, the new revision is. */
export interface RatioEvidence {
  readonly minutes: number;
  readonly ratio: number;
  /** Of the test that the ratio is above 1. */
  readonly p: number;
  readonly upper: number;
}

interface Mean {
  readonly mean: number;
  readonly error: number;
  readonly df: number;
}

/**
 * Yuen's trimmed mean with its standard error from winsorised values, and the variance drawn towards a prior, so that two
 * minutes that happen to agree are no certainty.
 *
 * @param trim share that is cut off at each end; 0 = the plain mean
 * @see Yuen, Biometrika 61 (1974) 165-170; Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004) art. 3, section 4 (moderated t)
 */
export function moderatedMean(values: readonly number[], prior: SpreadPrior, trim = 0): Mean {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = Math.floor(trim * sorted.length);
  const kept = sorted.slice(cut, sorted.length - cut);
  const winsorised = sorted.map((value) => Math.min(Math.max(value, kept[0]!), kept.at(-1)!));
  const meanOf = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const middle = meanOf(winsorised);
  const squares = winsorised.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const df = prior.weight + kept.length - 1;
  const variance = (prior.weight * prior.sd ** 2 + squares) / df;
  return { mean: meanOf(kept), error: Math.sqrt(variance / kept.length), df };
}

/** @param tail of the upper bound, one-sided */
function evidenceOf(logs: readonly number[], prior: SpreadPrior, trim: number, tail: number): RatioEvidence {
  const { mean, error, df } = moderatedMean(logs, prior, trim);
  return {
    minutes: logs.length,
    ratio: Math.exp(mean),
    p: studentTail(mean / error, df),
    upper: Math.exp(mean + studentQuantile(tail, df) * error),
  };
}

/** A minute in ten may be anything, at either end. */
const TRIM = 0.1;
/** Between p95s of equal revisions, whatever their traffic. */
const P95_VARIES = 0.15;
/**
 * And by chance, over the root of the requests beyond the p95: 0.47 times sigma of log-normal times (Kendall & Stuart, The
 * Advanced Theory of Statistics 1, section 10.10); for sigma 0.75. What varies more shows it itself within minutes: sigma 1.2 stays below the false alarms, too (docs/RELEASE.md).
 */
const P95_BY_CHANCE = 0.35;
const TAIL = 0.05;
const LATENCY_WEIGHT = 4;
const COST_PRIOR: SpreadPrior = { sd: 0.3, weight: 4 };
/** A millionth of a dollar a request is nothing, so that free against free is 1 and not 0/0. */
const NO_COST_USD = 1e-6;
const LEAST_MS = 1;

export interface LatencyMinute {
  readonly oldMs: number;
  readonly newMs: number;
  readonly oldRequests: number;
  readonly newRequests: number;
}

/** How many times as slow. */
export const latencyRatio = ({ oldMs, newMs }: LatencyMinute): number =>
  Math.max(newMs, LEAST_MS) / Math.max(oldMs, LEAST_MS);

function latencyPrior(minutes: readonly LatencyMinute[]): SpreadPrior {
  const byChance = minutes.reduce((sum, one) => sum + 1 / one.oldRequests + 1 / one.newRequests, 0) / minutes.length;
  return { sd: Math.hypot(P95_VARIES, P95_BY_CHANCE * Math.sqrt(byChance / TAIL)), weight: LATENCY_WEIGHT };
}

/** p95 against p95 of the same minute: what makes both slow cancels out. @param minutes at least two */
export const latencyEvidence = (minutes: readonly LatencyMinute[], tail: number): RatioEvidence =>
  evidenceOf(
    minutes.map((one) => Math.log(latencyRatio(one))),
    latencyPrior(minutes),
    TRIM,
    tail,
  );

export interface CostMinute {
  readonly oldUsd: number;
  readonly oldRequests: number;
  readonly newUsd: number;
  readonly newRequests: number;
}

/**
 * Money a request of all minutes against the same of the other revision, so that a minute weighs what its traffic weighs. Its
 * spread is that of the pseudo-values of Tukey's jackknife over minutes.
 *
 * @param minutes at least two
 * @see Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 11
 */
export function costEvidence(minutes: readonly CostMinute[], tail: number): RatioEvidence {
  const all = { oldUsd: 0, oldRequests: 0, newUsd: 0, newRequests: 0 };
  for (const one of minutes) for (const field of FIELDS) all[field] += one[field];
  const logOf = ({ oldUsd, oldRequests, newUsd, newRequests }: CostMinute) =>
    Math.log((newUsd / newRequests + NO_COST_USD) / (oldUsd / oldRequests + NO_COST_USD));
  const whole = logOf(all);
  const without = (one: CostMinute): CostMinute => ({
    oldUsd: Math.max(0, all.oldUsd - one.oldUsd),
    oldRequests: all.oldRequests - one.oldRequests,
    newUsd: Math.max(0, all.newUsd - one.newUsd),
    newRequests: all.newRequests - one.newRequests,
  });
  const count = minutes.length;
  return evidenceOf(
    minutes.map((one) => count * whole - (count - 1) * logOf(without(one))),
    COST_PRIOR,
    0,
    tail,
  );
}

const FIELDS = ['oldUsd', 'oldRequests', 'newUsd', 'newRequests'] as const;
