import { PromptScan } from './prompt-scan.js';
import { SHAPE } from './prompt-shape.js';
import type { RoutingArtefact } from './routing-artefact.js';
import { columnCount } from './routing-artefact.js';
import { setOwnField } from '../../../common/json/fields.js';

/** Features that a decision record names. */
const NAMED = 5;
/** Under this probability a subject is not named. */
const SURE_TOPIC = 0.4;

/** What the artefact says of one prompt. */
export interface LearnedScore {
  /** Need of the strong side, 0 to 1: the share of the training queries that need it less. */
  readonly score: number;
  /** "looks like multi-step arithmetic"; `null` when no subject is clear. */
  readonly looksLike: string | null;
  /** The features that moved the score most, with their share in it (positive = towards the strong side). */
  readonly strongest: Readonly<Record<string, number>>;
  /** Input of the trees; a copy, and a plain list, as a small typed array is memory of its own outside the heap. */
  readonly columns: readonly number[];
}

/** Scores prompts with a trained artefact: no I/O, typed arrays that are reused, time bounded by `plainPrompt`. */
export class LearnedScorer {
  private readonly scan = new PromptScan();
  private readonly known: Uint8Array;
  private readonly hidden: Float32Array;
  private readonly topics: Float32Array;
  private readonly row: Float32Array;
  private readonly mass: Float64Array;
  private readonly contributions: Float32Array;
  private readonly names: readonly string[];

  constructor(readonly artefact: RoutingArtefact) {
    const { embedding, width, groups, topics } = artefact;
    this.known = new Uint8Array(embedding.length / width);
    embedding.forEach((value, i) => {
      if (value !== 0) this.known[Math.floor(i / width)] = 1;
    });
    this.hidden = new Float32Array(width);
    this.topics = new Float32Array(topics.length);
    this.row = new Float32Array(columnCount(groups));
    this.mass = new Float64Array(groups);
    this.contributions = new Float32Array(this.row.length);
    const subject = (what: string) => Array.from({ length: groups }, (_, g) => `subject_${what}_${g + 1}`);
    this.names = [...SHAPE, ...subject('gain'), ...subject('ease')];
  }

  /** The score alone; the fast way for many prompts. */
  scoreOf(text: string): number {
    return this.shareOf(this.raw(text));
  }

  explain(text: string): LearnedScore {
    const score = this.scoreOf(text);
    return { score, looksLike: this.looksLike(), strongest: this.strongest(), columns: listOf(this.row) };
  }

  /** Sum of the trees, in units of gain against the mean. */
  raw(text: string): number {
    return this.sumTrees(this.columnsOf(text));
  }

  /** The forest's input for a prompt; overwritten by the next one. */
  columnsOf(text: string): Float32Array {
    this.scan.read(text);
    this.classify();
    this.row.set(this.scan.shape);
    const { groups, topics } = this.artefact;
    const first = SHAPE.length;
    this.row.fill(0, first);
    this.mass.fill(1e-9);
    topics.forEach(({ group, gain, ease }, t) => {
      if (group < 0) return;
      const p = this.topics[t]!;
      this.mass[group]! += p;
      this.row[first + group]! += p * gain;
      this.row[first + groups + group]! += p * ease;
    });
    for (let g = 0; g < groups; g += 1) {
      this.row[first + g]! /= this.mass[g]!;
      this.row[first + groups + g]! /= this.mass[g]!;
    }
    return this.row;
  }

  private classify(): void {
    const { embedding, scales, output, width } = this.artefact;
    const { grams, gramCount } = this.scan;
    const hidden = this.hidden.fill(0);
    let count = 0;
    for (let i = 0; i < gramCount; i += 1) {
      const gram = grams[i]!;
      if (this.known[gram] === 0) continue;
      count += 1;
      for (let k = 0, at = gram * width; k < width; k += 1, at += 1) hidden[k]! += embedding[at]!;
    }
    const norm = 1 / Math.sqrt(Math.max(1, count));
    for (let k = 0; k < width; k += 1) hidden[k]! *= scales[k]! * norm;
    softmax(output, hidden, this.topics);
  }

  private sumTrees(row: Float32Array): number {
    const { depth, columns, limits, values } = this.artefact.forest;
    const size = 2 ** (depth + 1) - 1;
    this.contributions.fill(0);
    let sum = 0;
    for (let root = 0; root < columns.length; root += size) {
      let n = 0;
      let value = values[root]!;
      for (let column = columns[root]!; column >= 0; column = columns[root + n]!) {
        n = 2 * n + (row[column]! <= limits[root + n]! ? 1 : 2);
        const below = values[root + n]!;
        this.contributions[column]! += below - value;
        value = below;
      }
      sum += value;
    }
    return sum;
  }

  private shareOf(raw: number): number {
    const { quantiles } = this.artefact;
    const last = quantiles.length - 1;
    if (!(raw > quantiles[0]!)) return 0;
    if (raw >= quantiles[last]!) return 1;
    let low = 0;
    let high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (quantiles[middle]! <= raw) low = middle;
      else high = middle;
    }
    const step = quantiles[high]! - quantiles[low]!;
    return (low + (step > 0 ? (raw - quantiles[low]!) / step : 0)) / last;
  }

  private looksLike(): string | null {
    const best = this.topics.reduce((top, p, t) => (p > this.topics[top]! ? t : top), 0);
    return this.topics[best]! >= SURE_TOPIC ? this.artefact.topics[best]!.label : null;
  }

  /** Keeps the few largest while it looks at each once; sorting all of them cost more than summing the trees. */
  private strongest(): Record<string, number> {
    const weight = (column: number) => Math.abs(this.contributions[column]!);
    const named: number[] = [];
    for (let column = 0; column < this.contributions.length; column += 1) {
      if (this.contributions[column] === 0) continue;
      let place = named.length;
      while (place > 0 && weight(named[place - 1]!) < weight(column)) place -= 1;
      if (place === NAMED) continue;
      named.splice(place, 0, column);
      if (named.length > NAMED) named.pop();
    }
    const strongest: Record<string, number> = {};
    for (const column of named) {
      setOwnField(strongest, this.names[column]!, Math.round(this.contributions[column]! * 1e4) / 1e4);
    }
    return strongest;
  }
}

/** `Array.from` would go through an iterator and copy three times. */
function listOf(row: Float32Array): number[] {
  const list = new Array<number>(row.length);
  for (let i = 0; i < row.length; i += 1) list[i] = row[i]!;
  return list;
}

/** Fills `p` with the topics' probabilities. */
export function softmax(output: Float32Array, hidden: Float32Array, p: Float32Array): void {
  let most = -Infinity;
  for (let t = 0, at = 0; t < p.length; t += 1, at += 1) {
    let logit = 0;
    for (let k = 0; k < hidden.length; k += 1, at += 1) logit += output[at]! * hidden[k]!;
    p[t] = logit + output[at]!;
    most = Math.max(most, p[t]!);
  }
  let sum = 0;
  for (let t = 0; t < p.length; t += 1) sum += p[t] = Math.exp(p[t]! - most);
  for (let t = 0; t < p.length; t += 1) p[t]! /= sum;
}
