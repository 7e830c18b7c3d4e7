import { seeded } from '../train-router/random.js';
import type { Outcome } from '../train-router/routing-metrics.js';
import { quality } from '../train-router/routing-metrics.js';

const RESAMPLES = 200;

/** 95 % interval of APGR over resampled queries (percentile bootstrap, Efron 1979). */
export function apgrInterval(outcomes: readonly Outcome[], scores: ArrayLike<number>, seed = 1): [number, number] {
  const random = seeded(seed);
  const values = Array.from({ length: RESAMPLES }, () => {
    const drawn = outcomes.map(() => Math.floor(random() * outcomes.length));
    return quality(
      drawn.map((i) => outcomes[i]!),
      drawn.map((i) => scores[i]!),
    ).apgr;
  }).sort((a, b) => a - b);
  return [values[Math.floor(RESAMPLES * 0.025)]!, values[Math.floor(RESAMPLES * 0.975)]!];
}
