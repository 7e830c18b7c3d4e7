import { setOwnField } from '../../../common/json/fields.js';
import type { Prompt } from '../prompt.js';
import { Forest } from './forest.js';
import { PromptScan, SHAPE } from './prompt-scan.js';
import { columnCount, type RoutingArtefact } from './routing-artefact.js';

/** Features that a decision record names. */
const NAMED = 5;
/** Under this probability a subject is not named. */
const SURE_TOPIC = 0.4;
/** Rows that are added before a sum of 16 bits could run over: 257 times 255. */
const AT_ONCE = 256;
/** Makes signed numbers of 8 bits unsigned ones, all four of a word. */
const UNSIGNED = 0x80808080;

/** What the artefact says of one prompt besides its score, for a person. */
export interface LearnedReasons {
  /** "looks like multi-step arithmetic"; `null` when no subject is clear. */
  readonly looksLike: string | null;
  /** The features that moved the score most, with their share in it (positive = towards the strong side). */
  readonly strongest: Readonly<Record<string, number>>;
}

/** Scores prompts with a trained artefact: no I/O, typed arrays that are reused, time bounded by `PlainPrompt`. */
export class LearnedScorer {
  /** The forest's input for the latest prompt; overwritten by the next one. */
  readonly columns: Float32Array;
  private readonly scan = new PromptScan();
  private readonly embedding: GramEmbedding;
  private readonly forest: Forest;
  private readonly hidden: Float32Array;
  /** Probabilities of the subjects. */
  private readonly topics: Float32Array;
  private readonly groups: Int8Array;
  private readonly gains: Float64Array;
  private readonly eases: Float64Array;
  private readonly mass: Float64Array;

  constructor(readonly artefact: RoutingArtefact) {
    const { embedding, width, groups, topics, forest } = artefact;
    this.embedding = new GramEmbedding(embedding, width);
    this.forest = new Forest(forest);
    this.hidden = new Float32Array(width);
    this.topics = new Float32Array(topics.length);
    this.groups = Int8Array.from(topics, ({ group }) => group);
    this.gains = Float64Array.from(topics, ({ gain }) => gain);
    this.eases = Float64Array.from(topics, ({ ease }) => ease);
    this.mass = new Float64Array(groups);
    this.columns = new Float32Array(columnCount(groups));
  }

  /** Need of the strong side, 0 to 1: the share of the training queries that need it less. */
  scoreOf(prompt: Prompt): number {
    return this.shareOf(this.raw(prompt));
  }

  /** Sum of the trees, in units of gain against the mean. */
  raw(prompt: Prompt): number {
    return this.forest.sum(this.columnsOf(prompt));
  }

  /** Why the latest prompt has its score. */
  reasons(): LearnedReasons {
    return { looksLike: this.looksLike(), strongest: this.strongest() };
  }

  columnsOf(prompt: Prompt): Float32Array {
    this.scan.read(prompt);
    this.classify();
    const { columns, topics, groups, gains, eases, mass } = this;
    const gain = SHAPE.length;
    const ease = gain + mass.length;
    columns.set(this.scan.shape);
    columns.fill(0, gain);
    mass.fill(1e-9);
    for (let t = 0; t < topics.length; t += 1) {
      const group = groups[t]!;
      if (group < 0) continue;
      const p = topics[t]!;
      mass[group]! += p;
      columns[gain + group]! += p * gains[t]!;
      columns[ease + group]! += p * eases[t]!;
    }
    for (let g = 0; g < mass.length; g += 1) {
      columns[gain + g]! /= mass[g]!;
      columns[ease + g]! /= mass[g]!;
    }
    return columns;
  }

  private classify(): void {
    const { hidden, embedding } = this;
    const { scales, output } = this.artefact;
    const norm = 1 / Math.sqrt(Math.max(1, embedding.add(this.scan)));
    for (let k = 0; k < hidden.length; k += 1) hidden[k] = embedding.sums[k]! * (scales[k]! * norm);
    softmax(output, hidden, this.topics);
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

  private strongest(): Record<string, number> {
    const contributions = this.forest.contributions(this.columns);
    const moved = [...contributions.keys()].filter((column) => contributions[column] !== 0);
    moved.sort((one, other) => Math.abs(contributions[other]!) - Math.abs(contributions[one]!));
    const strongest: Record<string, number> = {};
    for (const column of moved.slice(0, NAMED)) {
      setOwnField(strongest, this.nameOf(column), Math.round(contributions[column]! * 1e4) / 1e4);
    }
    return strongest;
  }

  private nameOf(column: number): string {
    const { groups } = this.artefact;
    const subject = column - SHAPE.length;
    if (subject < 0) return SHAPE[column]!;
    return subject < groups ? `subject_gain_${subject + 1}` : `subject_ease_${subject - groups + 1}`;
  }
}

/**
 * Adds up the rows that belong to a prompt's grams. A row is signed numbers of 8 bits, read four at a time and added two
 * at a time: a prompt has some hundred grams.
 */
class GramEmbedding {
  /** Of the latest prompt; by hidden value. */
  readonly sums: Int32Array;
  /** Rows as words of four unsigned numbers, the first one lowest. */
  private readonly rows: Int32Array;
  private readonly isKnown: Uint8Array;

  constructor(embedding: Int8Array, width: number) {
    this.sums = new Int32Array(width);
    this.isKnown = new Uint8Array(embedding.length / width);
    embedding.forEach((value, i) => {
      if (value !== 0) this.isKnown[Math.floor(i / width)] = 1;
    });
    this.rows = new Int32Array(embedding.slice().buffer).map((word) => word ^ UNSIGNED);
  }

  /** @returns how many of the grams the training knew */
  add({ grams, gramCount }: PromptScan): number {
    const { sums, rows, isKnown } = this;
    const words = sums.length / 4;
    sums.fill(-128 * gramCount);
    for (let from = 0; from < gramCount; from += AT_ONCE) {
      const to = Math.min(gramCount, from + AT_ONCE);
      for (let word = 0; word < words; word += 1) {
        let even = 0;
        let odd = 0;
        for (let i = from; i < to; i += 1) {
          const four = rows[grams[i]! * words + word]!;
          even = (even + (four & 0xff00ff)) | 0;
          odd = (odd + ((four >>> 8) & 0xff00ff)) | 0;
        }
        sums[4 * word]! += even & 0xffff;
        sums[4 * word + 1]! += odd & 0xffff;
        sums[4 * word + 2]! += even >>> 16;
        sums[4 * word + 3]! += odd >>> 16;
      }
    }
    let known = 0;
    for (let i = 0; i < gramCount; i += 1) known += isKnown[grams[i]!]!;
    return known;
  }
}

/** Fills `p` with the topics' probabilities. */
export function softmax(output: Float32Array, hidden: Float32Array, p: Float32Array): void {
  const row = hidden.length + 1;
  for (let t = 0; t < p.length; t += 1) {
    const bias = t * row + hidden.length;
    let logit = 0;
    for (let k = 0, at = t * row; at < bias; k += 1, at += 1) logit += output[at]! * hidden[k]!;
    p[t] = logit + output[bias]!;
  }
  let most = p[0]!;
  for (let t = 1; t < p.length; t += 1) if (p[t]! > most) most = p[t]!;
  let sum = 0;
  for (let t = 0; t < p.length; t += 1) sum += p[t] = Math.exp(p[t]! - most);
  for (let t = 0; t < p.length; t += 1) p[t]! /= sum;
}
