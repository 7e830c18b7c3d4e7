import type { ShareEvidence } from './arrivals.js';
import type { Evidence, Pair } from './evidence.js';

/** Limits of the service, of the scaling guide: alerts watch them; the gate only tells when both revisions are beyond. */
const MOST_FAILED = 0.05;
const SLOWEST_P95_MS = 3_000;

const MS_PER_SECOND = 1_000;

export const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
export const points = (share: number): string => `${(share * 100).toFixed(2)} points`;
export const factor = (ratio: number): string => `${ratio.toFixed(2)} times`;

export const ofWeight = ({ share, weight }: ShareEvidence): string =>
  `it has told of ${percent(share)} of both revisions' requests, its weight is ${percent(weight)}`;

/** Parts as sentences. */
export const sentence = (parts: readonly string[]): string =>
  parts.map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}.`).join(' ');

/** What a promotion rests on. */
export function measured({ failures, latency, cost, refusals }: Evidence): string {
  const parts: string[] = [];
  if (failures)
    parts.push(
      `${percent(failures.newRate)} of its requests fail (old ${percent(failures.oldRate)}; at most ${points(Math.max(0, failures.excessUpper))} more)`,
    );
  if (refusals) parts.push(`${percent(refusals.newRate)} are refused (old ${percent(refusals.oldRate)})`);
  if (latency) parts.push(`p95 ${factor(latency.ratio)} the old one's (at most ${factor(latency.upper)})`);
  parts.push(
    cost
      ? `cost per request ${factor(cost.ratio)} (at most ${factor(cost.upper)})`
      : 'cost per request is known of neither and was not judged',
  );
  return parts.join(', ');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The middle one of the minutes' p95s; `null` = of none it is known. */
function usualP95(pairs: readonly Pair[], which: 'old' | 'new'): number | null {
  const known = pairs.flatMap((pair) => pair[which].p95_ms ?? []);
  return known.length === 0 ? null : median(known);
}

/** What is wrong with the service whichever revision answers: not the new one's fault, and not to be overlooked. */
export function limitsPassed({ failures }: Evidence, pairs: readonly Pair[]): string[] {
  const reasons: string[] = [];
  if (failures && failures.oldRate > MOST_FAILED && failures.newRate > MOST_FAILED)
    reasons.push(
      `error rate of both revisions above 5 % (old ${percent(failures.oldRate)}, new ${percent(failures.newRate)})`,
    );
  const [old, fresh] = [usualP95(pairs, 'old'), usualP95(pairs, 'new')];
  if (old !== null && fresh !== null && Math.min(old, fresh) > SLOWEST_P95_MS)
    reasons.push(
      `p95 of both revisions above 3 s (old ${(old / MS_PER_SECOND).toFixed(1)} s, new ${(fresh / MS_PER_SECOND).toFixed(1)} s)`,
    );
  return reasons.length === 0 ? [] : [`the service itself is beyond its limits: ${reasons.join('; ')}`];
}
