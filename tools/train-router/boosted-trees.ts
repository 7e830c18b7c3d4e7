import { seeded } from './random.js';

/** A full binary tree of fixed depth: node n has children 2n+1 and 2n+2; a leaf column of -1 ends early. */
export interface Tree {
  readonly columns: Int16Array;
  readonly limits: Float32Array;
  /** Mean of the rows that reach a node, already times the learning rate; for inner nodes too. */
  readonly values: Float32Array;
}

export interface BoostOptions {
  readonly trees: number;
  readonly depth: number;
  readonly rate: number;
  readonly minWeight: number;
  readonly l2: number;
  readonly rowShare: number;
  readonly columnShare: number;
  readonly seed: number;
}

const BINS = 48;

interface Binned {
  /** Bin of row r in column c: `bins[c][r]`. */
  readonly bins: readonly Uint8Array[];
  readonly limits: readonly Float32Array[];
}

/** Gradient-boosted regression trees on squared loss with histograms, shrinkage and row and column sampling. */
export function boost(
  rows: readonly Float32Array[],
  targets: ArrayLike<number>,
  weights: ArrayLike<number>,
  options: BoostOptions,
): Tree[] {
  const random = seeded(options.seed);
  const binned = bin(rows);
  const residual = Float32Array.from(targets);
  const node = new Uint8Array(rows.length);
  const trees: Tree[] = [];
  for (let t = 0; t < options.trees; t += 1) {
    const sampled = Float32Array.from({ length: rows.length }, (_, r) =>
      random() < options.rowShare ? weights[r]! : 0,
    );
    const tree = grow(binned, residual, sampled, node, options, random);
    trees.push(tree);
    for (let r = 0; r < rows.length; r += 1) residual[r]! -= tree.values[leafOf(tree, rows[r]!)]!;
  }
  return trees;
}

export function leafOf({ columns, limits }: Tree, row: Float32Array): number {
  let n = 0;
  while (columns[n]! >= 0) n = 2 * n + (row[columns[n]!]! <= limits[n]! ? 1 : 2);
  return n;
}

function bin(rows: readonly Float32Array[]): Binned {
  const width = rows[0]!.length;
  const limits: Float32Array[] = [];
  const bins: Uint8Array[] = [];
  for (let c = 0; c < width; c += 1) {
    const sorted = Float32Array.from(rows, (row) => row[c]!).sort();
    const cuts = new Set<number>();
    for (let b = 1; b < BINS; b += 1) cuts.add(sorted[Math.floor((b * sorted.length) / BINS)]!);
    const own = Float32Array.from(cuts).sort();
    limits.push(own);
    bins.push(Uint8Array.from(rows, (row) => binOf(own, row[c]!)));
  }
  return { bins, limits };
}

function binOf(limits: Float32Array, value: number): number {
  let b = 0;
  while (b < limits.length && value > limits[b]!) b += 1;
  return b;
}

function grow(
  { bins, limits }: Binned,
  residual: Float32Array,
  weights: Float32Array,
  node: Uint8Array,
  { depth, rate, minWeight, l2, columnShare }: BoostOptions,
  random: () => number,
): Tree {
  const size = 2 ** (depth + 1) - 1;
  const tree = {
    columns: new Int16Array(size).fill(-1),
    limits: new Float32Array(size),
    values: new Float32Array(size),
  };
  const used = bins.map((_, c) => c).filter(() => random() < columnShare);
  node.fill(0);
  for (let level = 0, first = 0; level <= depth; level += 1, first = 2 * first + 1) {
    const count = 2 ** level;
    const sums = new Float64Array(count);
    const masses = new Float64Array(count);
    for (let r = 0; r < node.length; r += 1) {
      const n = node[r]! - first;
      if (n < 0 || weights[r] === 0) continue;
      sums[n]! += residual[r]! * weights[r]!;
      masses[n]! += weights[r]!;
    }
    for (let n = 0; n < count; n += 1) tree.values[first + n] = (rate * sums[n]!) / (masses[n]! + l2);
    if (level === depth) break;
    const best = bestSplits({ bins, used, residual, weights, node, first, sums, masses, minWeight, l2 });
    for (let n = 0; n < count; n += 1) {
      const { column, cut } = best[n]!;
      if (column < 0) continue;
      tree.columns[first + n] = column;
      tree.limits[first + n] = limits[column]![cut]!;
    }
    for (let r = 0; r < node.length; r += 1) {
      const n = node[r]!;
      if (n < first || tree.columns[n]! < 0) continue;
      node[r] = 2 * n + (bins[tree.columns[n]!]![r]! <= best[n - first]!.cut ? 1 : 2);
    }
  }
  return tree;
}

interface SplitSearch {
  readonly bins: readonly Uint8Array[];
  readonly used: readonly number[];
  readonly residual: Float32Array;
  readonly weights: Float32Array;
  readonly node: Uint8Array;
  readonly first: number;
  readonly sums: Float64Array;
  readonly masses: Float64Array;
  readonly minWeight: number;
  readonly l2: number;
}

function bestSplits(search: SplitSearch): { column: number; cut: number; gain: number }[] {
  const { bins, used, residual, weights, node, first, sums, masses, minWeight, l2 } = search;
  const count = sums.length;
  const best = Array.from({ length: count }, () => ({ column: -1, cut: 0, gain: 1e-9 }));
  const sumBins = new Float64Array(count * BINS);
  const massBins = new Float64Array(count * BINS);
  for (const column of used) {
    sumBins.fill(0);
    massBins.fill(0);
    const own = bins[column]!;
    for (let r = 0; r < node.length; r += 1) {
      const n = node[r]! - first;
      if (n < 0 || weights[r] === 0) continue;
      const b = n * BINS + own[r]!;
      sumBins[b]! += residual[r]! * weights[r]!;
      massBins[b]! += weights[r]!;
    }
    for (let n = 0; n < count; n += 1) {
      const whole = (sums[n]! * sums[n]!) / (masses[n]! + l2);
      let sum = 0;
      let mass = 0;
      for (let cut = 0; cut < BINS - 1; cut += 1) {
        sum += sumBins[n * BINS + cut]!;
        mass += massBins[n * BINS + cut]!;
        const rest = masses[n]! - mass;
        if (mass < minWeight) continue;
        if (rest < minWeight) break;
        const gain = (sum * sum) / (mass + l2) + (sums[n]! - sum) ** 2 / (rest + l2) - whole;
        if (gain > best[n]!.gain) best[n] = { column, cut, gain };
      }
    }
  }
  return best;
}
