import type { Labelled } from './labelled-data.js';
import { gainOf } from './routing-metrics.js';

/** Rows that a category's mean is drawn towards its benchmark's mean by. */
const SHRINK = 10;
const EASE_BINS = 12;
const BIN_SHRINK = 20;
/** Share of the row's own outcome in its target; the rest is what its category and its ease for other models say. */
const OWN = 0.8;

export interface CategoryMeans {
  readonly benchmark: string;
  readonly category: string;
  readonly gain: number;
  readonly ease: number;
}

export interface Targets {
  /** Per row: gain against the benchmark's mean, partly smoothed by what other models did. */
  readonly gains: Float32Array;
  readonly categories: readonly CategoryMeans[];
}

export const keyOf = ({ benchmark, category }: Pick<Labelled, 'benchmark' | 'category'>): string =>
  `${benchmark}/${category}`;

/**
 * The training target. A single outcome is mostly noise: `aux_ease` (how other models did) and the category are known
 * in training, so the target is drawn towards what they predict. Everything is measured against the benchmark's own
 * mean, as a router is judged by its order within one kind of traffic.
 */
export function targetsOf(rows: readonly Labelled[]): Targets {
  const gains = new Float32Array(rows.length);
  const categories: CategoryMeans[] = [];
  for (const [, members] of groupBy(rows.keys(), (i) => rows[i]!.benchmark)) {
    const gain = meanOf(members, (i) => gainOf(rows[i]!));
    const easeOf = (i: number) => rows[i]!.aux_ease ?? rows[i]!.weak_correct;
    const ease = meanOf(members, easeOf);
    const byCategory = groupBy(members, (i) => rows[i]!.category);
    const shrunk = (own: readonly number[], f: (i: number) => number, towards: number) =>
      (own.reduce((sum, i) => sum + f(i), 0) + SHRINK * towards) / (own.length + SHRINK);
    for (const [category, own] of byCategory) {
      categories.push({
        benchmark: rows[own[0]!]!.benchmark,
        category,
        gain: shrunk(own, (i) => gainOf(rows[i]!), gain) - gain,
        ease: shrunk(own, easeOf, ease) - ease,
      });
    }
    const categoryGain = new Map(categories.map((means) => [keyOf(means), means.gain]));
    const soft = (i: number) => categoryGain.get(keyOf(rows[i]!))!;
    const rest = easeCurve(rows, members, (i) => gainOf(rows[i]!) - gain - soft(i));
    for (const i of members) {
      gains[i] = OWN * (gainOf(rows[i]!) - gain) + (1 - OWN) * (soft(i) + rest(rows[i]!.aux_ease));
    }
  }
  return { gains, categories };
}

/** Mean of `value` by ease. Not monotone: what all models can or none can do gains nothing. */
function easeCurve(rows: readonly Labelled[], members: readonly number[], value: (i: number) => number) {
  const sums = new Float64Array(EASE_BINS);
  const counts = new Float64Array(EASE_BINS);
  const binOf = (ease: number) => Math.min(EASE_BINS - 1, Math.floor(ease * EASE_BINS));
  for (const i of members) {
    const ease = rows[i]!.aux_ease;
    if (ease === undefined) continue;
    sums[binOf(ease)]! += value(i);
    counts[binOf(ease)]! += 1;
  }
  return (ease: number | undefined) =>
    ease === undefined ? 0 : sums[binOf(ease)]! / (counts[binOf(ease)]! + BIN_SHRINK);
}

function groupBy(indices: Iterable<number>, key: (i: number) => string): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const i of indices) {
    const group = groups.get(key(i));
    if (group) group.push(i);
    else groups.set(key(i), [i]);
  }
  return groups;
}

const meanOf = (indices: readonly number[], f: (i: number) => number): number =>
  indices.reduce((sum, i) => sum + f(i), 0) / Math.max(1, indices.length);
