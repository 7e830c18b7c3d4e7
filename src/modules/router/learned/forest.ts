/** Levels of nodes above the leaves of a tree. */
export const TREE_DEPTH = 3;
/** Nodes of a tree, its leaves among them. */
export const TREE_NODES = 2 ** (TREE_DEPTH + 1) - 1;
/** Leaves of a complete tree; its other nodes are one less. */
const LEAVES = 2 ** TREE_DEPTH;

/** Regression trees, `TREE_NODES` nodes each, node n with children 2n+1 and 2n+2, all in flat arrays. */
export interface Trees {
  /** -1 for a leaf. */
  readonly columns: Int16Array;
  readonly limits: Float32Array;
  readonly values: Float32Array;
}

/** Sums regression trees for one row after the other. */
export class Forest {
  private readonly columns: Uint8Array;
  private readonly limits: Float32Array;
  private readonly leaves: Float32Array;

  /** A leaf above the last level becomes a node with its value on both sides, so that every way has the same length. */
  constructor(private readonly trees: Trees) {
    const columns = trees.columns.slice();
    const values = trees.values.slice();
    const size = (columns.length / TREE_NODES) * LEAVES;
    this.columns = new Uint8Array(size);
    this.limits = new Float32Array(size);
    this.leaves = new Float32Array(size);
    for (let i = 0; i < columns.length; i += 1) {
      const node = i % TREE_NODES;
      const parent = i - node + ((node - 1) >> 1);
      if (node > 0 && columns[parent]! < 0) {
        columns[i] = -1;
        values[i] = values[parent]!;
      }
      const at = ((i - node) / TREE_NODES) * LEAVES + node;
      if (node >= LEAVES - 1) this.leaves[at - LEAVES + 1] = values[i]!;
      else {
        this.columns[at] = Math.max(0, columns[i]!);
        this.limits[at] = trees.limits[i]!;
      }
    }
  }

  /** No step is a branch, as the processor would guess every third one wrong, and no loop: that costs as much again. */
  sum(row: Float32Array): number {
    const { columns, limits, leaves } = this;
    let sum = 0;
    for (let root = 0; root < columns.length; root += LEAVES) {
      let node = 2 - (Number(row[columns[root]!]! <= limits[root]!) | 0);
      node = 2 * node + 2 - (Number(row[columns[root + node]!]! <= limits[root + node]!) | 0);
      node = 2 * node + 2 - (Number(row[columns[root + node]!]! <= limits[root + node]!) | 0);
      sum += leaves[root + node - LEAVES + 1]!;
    }
    return sum;
  }

  /** How much each column moved the sum. */
  contributions(row: Float32Array): Float32Array {
    const { columns, limits, values } = this.trees;
    const contributions = new Float32Array(row.length);
    for (let root = 0; root < columns.length; root += TREE_NODES) {
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
