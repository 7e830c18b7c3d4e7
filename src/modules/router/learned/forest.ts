/** Regression trees of one depth, node n with children 2n+1 and 2n+2, all in flat arrays. */
export interface Trees {
  readonly depth: number;
  /** -1 for a leaf. */
  readonly columns: Int16Array;
  readonly limits: Float32Array;
  readonly values: Float32Array;
}

/** Sums regression trees for one row after the other. */
export class Forest {
  /** Nodes above the leaves of a complete tree, and one that nobody reads; as many leaves. */
  private readonly width: number;
  private readonly columns: Uint8Array;
  private readonly limits: Float32Array;
  private readonly leaves: Float32Array;

  /** A leaf above the last level becomes a node with its value on both sides, so that every way has the same length. */
  constructor(private readonly trees: Trees) {
    const width = (this.width = 2 ** trees.depth);
    const size = 2 * width - 1;
    const count = trees.columns.length / size;
    this.columns = new Uint8Array(count * width);
    this.limits = new Float32Array(count * width);
    this.leaves = new Float32Array(count * width);
    const columns = trees.columns.slice();
    const values = trees.values.slice();
    for (let i = 0; i < columns.length; i += 1) {
      const node = i % size;
      const parent = i - node + ((node - 1) >> 1);
      if (node > 0 && columns[parent]! < 0) {
        columns[i] = -1;
        values[i] = values[parent]!;
      }
      const at = ((i - node) / size) * width + node;
      if (node >= width - 1) this.leaves[at - width + 1] = values[i]!;
      else {
        this.columns[at] = Math.max(0, columns[i]!);
        this.limits[at] = trees.limits[i]!;
      }
    }
  }

  /** No step is a branch: the processor would guess every third one wrong. */
  sum(row: Float32Array): number {
    const { columns, limits, leaves, width } = this;
    const { depth } = this.trees;
    let sum = 0;
    for (let root = 0; root < columns.length; root += width) {
      let node = 0;
      for (let level = 0; level < depth; level += 1) {
        const isLeft = Number(row[columns[root + node]!]! <= limits[root + node]!);
        node = 2 * node + 2 - (isLeft | 0);
      }
      sum += leaves[root + node - width + 1]!;
    }
    return sum;
  }

  /** How much each column moved the sum. */
  contributions(row: Float32Array): Float32Array {
    const { depth, columns, limits, values } = this.trees;
    const contributions = new Float32Array(row.length);
    const size = 2 ** (depth + 1) - 1;
    for (let root = 0; root < columns.length; root += size) {
      let node = 0;
      let value = values[root]!;
      for (let column = columns[root]!; column >= 0; column = columns[root + node]!) {
        node = 2 * node + (row[column]! <= limits[root + node]! ? 1 : 2);
        const below = values[root + node]!;
        contributions[column]! += below - value;
        value = below;
      }
    }
    return contributions;
  }
}
