import { seeded } from '../train-router/random.js';
import type { Sample, Samples } from './samples.js';

/** How a pair of revisions behaves. Rates are 0 to 1. */
export interface Traffic {
  /** Of the new revision; the old one has nine times as many. */
  readonly requestsPerMinute: number;
  readonly minutes: number;
  readonly errorRate: { readonly old: number; readonly new: number };
  /** Of all requests that come; refused ones (4xx) come on top of `requestsPerMinute`. */
  readonly refusedRate: { readonly old: number; readonly new: number };
  /** The median of a request, ms; times of requests are log-normal, as those of language models are. */
  readonly medianMs: { readonly old: number; readonly new: number };
  readonly sigmaMs: number;
  /** Of an answer that no cache gave: two thirds; log-normal with sigma 1. */
  readonly costUsd: { readonly old: number; readonly new: number };
  /** A provider fails or is slow for one to three minutes, about once in 20; it hits both. */
  readonly sharedBursts: boolean;
  /** A replica of one revision fails for a minute, about once an hour, each by itself. */
  readonly ownBursts: boolean;
}

export const QUIET: Traffic = {
  requestsPerMinute: 100,
  minutes: 15,
  errorRate: { old: 0.01, new: 0.01 },
  refusedRate: { old: 0.02, new: 0.02 },
  medianMs: { old: 800, new: 800 },
  sigmaMs: 0.6,
  costUsd: { old: 0.002, new: 0.002 },
  sharedBursts: true,
  ownBursts: true,
};

const OLD_PER_NEW = 9;
const SIGMA_USD = 1;
const CACHED = 1 / 3;
const SHARED_BURST = { chance: 0.05, most: 3, errors: 0.2, slower: 2 };
const OWN_BURST = { chance: 1 / 60, errors: 0.1 };
const BEGIN = Date.UTC(2026, 0, 12, 10);
const MS_PER_MINUTE = 60_000;
/** Beyond the seeds in use: refused requests are drawn by themselves. */
const OTHER_SEEDS = 1_000_000;

type Random = () => number;

/** Box and Muller, Ann. Math. Statist. 29 (1958) 610-611. */
const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** About `mean` requests arrive in a minute: Poisson's distribution by its normal approximation. */
const arrivals = (mean: number, random: Random): number =>
  Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));

/**
 * The p95 as the query takes it: right in the median whatever the distribution, where the nearest rank of 20 requests is the
 * 19th, a p90. Below 14 requests it is the highest.
 *
 * @see Hyndman & Fan, The American Statistician 50 (1996) 361-365, definition 8
 */
export function p95Of(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const rank = Math.min(Math.max(0.95 * (sorted.length + 1 / 3) + 1 / 3, 1), sorted.length);
  const low = sorted[Math.floor(rank) - 1]!;
  return low + (rank - Math.floor(rank)) * (sorted[Math.ceil(rank) - 1]! - low);
}

interface Minute {
  readonly at: string;
  readonly requests: number;
  readonly errorRate: number;
  readonly medianMs: number;
  readonly sigmaMs: number;
  readonly costUsd: number;
}

function sampleOf({ at, requests, errorRate, medianMs, sigmaMs, costUsd }: Minute, random: Random): Sample {
  let errors = 0;
  let cost = 0;
  const times: number[] = [];
  for (let i = 0; i < requests; i += 1) {
    if (random() < errorRate) errors += 1;
    times.push(medianMs * Math.exp(sigmaMs * normal(random)));
    if (random() >= CACHED) cost += costUsd * Math.exp(SIGMA_USD * normal(random));
  }
  const p95 = p95Of(times);
  return {
    at,
    requests,
    errors,
    p95_ms: p95 === null ? null : Math.round(p95),
    cost_usd: Number(cost.toFixed(4)),
  };
}

/** So many that `rate` of all were refused; rates up to a half. */
function refusedOf(requests: number, rate: number, random: Random): number {
  let refused = 0;
  for (let i = 0; i < requests; i += 1) if (random() < rate / (1 - rate)) refused += 1;
  return refused;
}

/** Samples of both revisions, the same ones for the same seed. */
export function simulated(traffic: Traffic, seed: number): Samples {
  const random = seeded(seed);
  const refusals = seeded(seed + OTHER_SEEDS);
  const samples: Samples = { old: [], new: [] };
  let burst = 0;
  for (let minute = 0; minute < traffic.minutes; minute += 1) {
    if (burst > 0) burst -= 1;
    else if (traffic.sharedBursts && random() < SHARED_BURST.chance) burst = Math.ceil(random() * SHARED_BURST.most);
    const at = new Date(BEGIN + minute * MS_PER_MINUTE).toISOString().replace('.000Z', 'Z');
    for (const which of ['old', 'new'] as const) {
      const isOwn = traffic.ownBursts && random() < OWN_BURST.chance;
      const more = (burst > 0 ? SHARED_BURST.errors : 0) + (isOwn ? OWN_BURST.errors : 0);
      const mean = traffic.requestsPerMinute * (which === 'old' ? OLD_PER_NEW : 1);
      const requests = arrivals(mean, random);
      const errorRate = Math.min(1, traffic.errorRate[which] + more);
      const medianMs = traffic.medianMs[which] * (burst > 0 ? SHARED_BURST.slower : 1);
      const { sigmaMs } = traffic;
      const costUsd = traffic.costUsd[which];
      const refused = refusedOf(requests, traffic.refusedRate[which], refusals);
      samples[which].push({ ...sampleOf({ at, requests, errorRate, medianMs, sigmaMs, costUsd }, random), refused });
    }
  }
  return samples;
}
