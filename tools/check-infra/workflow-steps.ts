import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Scalar, type YAMLMap } from 'yaml';

/** A scalar of a workflow with the names that lead to it. */
export interface Value {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly line: number;
}
export interface Step {
  readonly line: number;
  readonly id: string;
  readonly uses: string;
  readonly run: string;
  readonly if: string;
  readonly with: Readonly<Record<string, unknown>>;
}
export interface Job {
  readonly name: string;
  readonly line: number;
  readonly has: (key: string) => boolean;
  readonly get: (...path: string[]) => unknown;
  readonly steps: readonly Step[];
}

/** One workflow, with the lines at which its parts stand. */
export class Workflow {
  private readonly lines = new LineCounter();
  private readonly document;
  readonly jobs: readonly Job[];

  constructor(readonly text: string) {
    this.document = parseDocument(text, { lineCounter: this.lines });
    this.jobs = this.pairs(this.document.get('jobs')).map(([name, node, line]) => this.job(name, node, line));
  }

  get(...path: string[]): unknown {
    return plain(this.document.getIn(path, true));
  }

  /** Every scalar, in the order in which they stand. */
  values(): Value[] {
    return this.below(this.document.contents, []);
  }

  private below(node: unknown, path: readonly string[]): Value[] {
    if (isMap(node)) return this.pairs(node).flatMap(([name, value]) => this.below(value, [...path, name]));
    if (isSeq(node)) return node.items.flatMap((item, i) => this.below(item, [...path, String(i)]));
    return isScalar(node) ? [{ path, value: node.value, line: this.lineOf(node) }] : [];
  }

  private pairs(node: unknown): [string, unknown, number][] {
    if (!isMap(node)) return [];
    return node.items.map(({ key, value }) => [String((key as Scalar).value), value, this.lineOf(key as Node)]);
  }

  private job(name: string, node: unknown, line: number): Job {
    const map = node as YAMLMap;
    const steps = map.get('steps');
    return {
      name,
      line,
      has: (key) => map.has(key),
      get: (...path) => plain(map.getIn(path, true)),
      steps: isSeq(steps) ? steps.items.map((item) => this.step(item as YAMLMap)) : [],
    };
  }

  private step(map: YAMLMap): Step {
    const text = (key: string) => {
      const value: unknown = map.get(key);
      return typeof value === 'string' ? value : '';
    };
    const inputs = (plain(map.get('with', true)) ?? {}) as Record<string, unknown>;
    const [id, uses, run] = [text('id'), text('uses'), text('run')];
    return { line: this.lineOf(map), id, uses, run, if: text('if'), with: inputs };
  }

  private lineOf(node: Node): number {
    return this.lines.linePos(node.range?.[0] ?? 0).line;
  }
}

const plain = (node: unknown): unknown =>
  node !== null && typeof node === 'object' && 'toJSON' in node ? (node as Node).toJSON() : node;
