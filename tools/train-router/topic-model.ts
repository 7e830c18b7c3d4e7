import { BUCKETS } from '../../src/modules/router/learned/prompt-scan.js';
import { softmax } from '../../src/modules/router/learned/learned-scorer.js';
import { seeded, shuffled } from './random.js';

export interface TopicRow {
  readonly grams: Int32Array;
  readonly topic: number;
}

/** A classifier of subjects: hashed grams -> `width` hidden values -> topics (Joulin et al. 2016, "fastText"). */
export interface TopicModel {
  readonly width: number;
  readonly topics: number;
  /** `embedding[bucket * width + k]`. */
  readonly embedding: Float32Array;
  /** `output[topic * (width + 1) + k]`, the last one is the bias. */
  readonly output: Float32Array;
}

export interface TopicOptions {
  readonly width: number;
  readonly topics: number;
  readonly epochs: number;
  readonly rate: number;
  readonly dropout: number;
  readonly seed: number;
}

const EPSILON = 1e-4;

/** Softmax loss by AdaGrad (Duchi et al. 2011); grams are dropped at random, as typos and other words do later. */
export function trainTopics(rows: readonly TopicRow[], options: TopicOptions): TopicModel {
  const { width, topics, epochs, rate, dropout } = options;
  const random = seeded(options.seed);
  const idf = inverseFrequencies(rows);
  const state: State = {
    width,
    idf,
    embedding: new Float32Array(BUCKETS * width).map(() => (random() - 0.5) * 0.1),
    output: new Float32Array(topics * (width + 1)),
    embeddingSquares: new Float32Array(BUCKETS * width),
    outputSquares: new Float32Array(topics * (width + 1)),
    hidden: new Float32Array(width),
    back: new Float32Array(width),
    p: new Float32Array(topics),
  };
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    const now = rate * (1 - (0.8 * epoch) / epochs);
    for (const r of shuffled(rows.length, random)) {
      const kept = rows[r]!.grams.filter((gram) => idf[gram]! > 0 && random() >= dropout);
      learn(state, kept, rows[r]!.topic, now);
    }
  }
  const embedding = state.embedding.map((value, i) => value * idf[Math.floor(i / width)]!);
  return { width, topics, embedding, output: state.output };
}

interface State {
  readonly width: number;
  readonly idf: Float32Array;
  readonly embedding: Float32Array;
  readonly output: Float32Array;
  readonly embeddingSquares: Float32Array;
  readonly outputSquares: Float32Array;
  readonly hidden: Float32Array;
  readonly back: Float32Array;
  readonly p: Float32Array;
}

function learn(state: State, grams: Int32Array, topic: number, rate: number): void {
  const { width, idf, embedding, embeddingSquares, hidden, back, output, p } = state;
  const scale = 1 / Math.sqrt(Math.max(1, grams.length));
  hidden.fill(0);
  for (const g of grams) {
    const value = idf[g]! * scale;
    for (let k = 0, at = g * width; k < width; k += 1, at += 1) hidden[k]! += embedding[at]! * value;
  }
  softmax(output, hidden, p);
  learnOutput(state, topic, rate);
  for (const g of grams) {
    const value = idf[g]! * scale;
    for (let k = 0, at = g * width; k < width; k += 1, at += 1) {
      const gradient = back[k]! * value;
      embeddingSquares[at]! += gradient * gradient;
      embedding[at]! -= (rate * gradient) / Math.sqrt(embeddingSquares[at]! + EPSILON);
    }
  }
}

function learnOutput({ width, hidden, back, output, outputSquares, p }: State, topic: number, rate: number): void {
  back.fill(0);
  for (let t = 0; t < p.length; t += 1) {
    const error = p[t]! - (t === topic ? 1 : 0);
    if (Math.abs(error) < 1e-4) continue;
    for (let k = 0, at = t * (width + 1); k <= width; k += 1, at += 1) {
      if (k < width) back[k]! += error * output[at]!;
      const gradient = error * (k < width ? hidden[k]! : 1);
      outputSquares[at]! += gradient * gradient;
      output[at]! -= (rate * gradient) / Math.sqrt(outputSquares[at]! + EPSILON);
    }
  }
}

function inverseFrequencies(rows: readonly TopicRow[]): Float32Array {
  const counts = new Float32Array(BUCKETS);
  for (const { grams } of rows) for (const gram of grams) counts[gram]! += 1;
  return counts.map((count) => (count < 2 ? 0 : Math.log((rows.length + 1) / (count + 1)) / 5));
}
