import { createHash } from 'node:crypto';
import { LearnedScorer } from '../../src/modules/router/learned/learned-scorer.js';
import { TREE_DEPTH, TREE_NODES } from '../../src/modules/router/learned/forest.js';
import { BUCKETS, PromptScan, SHAPE } from '../../src/modules/router/learned/prompt-scan.js';
import type { ArtefactJson, Topic } from '../../src/modules/router/learned/routing-artefact.js';
import { ARTEFACT_FORMAT, parseArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import { promptOf } from '../../src/modules/router/prompt.js';
import type { Tree } from './boosted-trees.js';
import { boost } from './boosted-trees.js';
import type { Labelled } from './labelled-data.js';
import { perturbed } from './perturbations.js';
import { seeded } from './random.js';
import { labelOf } from './topic-labels.js';
import type { TopicModel } from './topic-model.js';
import { trainTopics } from './topic-model.js';
import type { Targets } from './training-targets.js';
import { keyOf, targetsOf } from './training-targets.js';

/** Chosen by cross-validation on the public data. */
export const TOPIC_OPTIONS = { width: 12, epochs: 6, rate: 0.1, dropout: 0.2 };
export const BOOST_OPTIONS = {
  ...{ trees: 300, depth: TREE_DEPTH, rate: 0.03, minWeight: 15, l2: 10 },
  ...{ rowShare: 0.6, columnShare: 0.4 },
};
/** How far small benchmarks are weighed up: weight = (rows / 3000) ^ -BALANCE. */
const BALANCE = 0.25;
const STACK_FOLDS = 4;

/** A judged live decision: the forest's columns and what the strong side would have gained. */
export interface FeedbackRow {
  readonly columns: Float32Array;
  readonly gain: number;
}

/** Trains one artefact: subjects first, then trees on columns that no subject model has seen. */
export function fitArtefact(
  rows: readonly Labelled[],
  seed: number,
  feedback: readonly FeedbackRow[] = [],
): ArtefactJson {
  const targets = targetsOf(rows);
  const grams = gramsOf(rows);
  const topics = topicsOf(targets);
  const topicOf = new Map(targets.categories.map((means, t) => [keyOf(means), t]));
  const train = (use: (i: number) => boolean): TopicModel =>
    trainTopics(
      rows.flatMap((row, i) => (use(i) ? [{ grams: grams[i]!, topic: topicOf.get(keyOf(row))! }] : [])),
      { ...TOPIC_OPTIONS, topics: topics.length, seed },
    );
  const columns: Float32Array[] = [];
  const copies: Float32Array[] = [];
  const random = seeded(seed + 1);
  const folds = stackFolds(rows);
  for (const fold of new Set(folds)) {
    const scorer = new LearnedScorer(
      parseArtefact(
        artefactJson(
          train((i) => folds[i] !== fold),
          topics,
          [],
          [],
        ),
      ),
    );
    rows.forEach(({ prompt }, i) => {
      if (folds[i] !== fold) return;
      columns[i] = scorer.columnsOf(promptOf(prompt)).slice();
      copies[i] = scorer.columnsOf(promptOf(perturbed(prompt, random))).slice();
    });
  }
  const weights = weightsOf(rows);
  const trees = boost(
    [...columns, ...copies, ...feedback.map((row) => row.columns)],
    [...targets.gains, ...targets.gains, ...feedback.map(({ gain }) => gain)],
    [...weights, ...weights, ...feedback.map(() => 2)],
    { ...BOOST_OPTIONS, seed },
  );
  const model = train(() => true);
  const bare = new LearnedScorer(parseArtefact(artefactJson(model, topics, trees, [0, 1])));
  const sums = Float32Array.from(rows, ({ prompt }) => bare.raw(promptOf(prompt))).sort();
  const quantiles = Array.from({ length: 101 }, (_, q) => sums[Math.round(((sums.length - 1) * q) / 100)]!);
  return artefactJson(model, topics, trees, quantiles);
}

function gramsOf(rows: readonly Labelled[]): Int32Array[] {
  const scan = new PromptScan();
  return rows.map(({ prompt }) => {
    scan.read(promptOf(prompt));
    return scan.grams.slice(0, scan.gramCount);
  });
}

/** The data's own folds keep copies of a question together; without several of them, every fourth row. */
function stackFolds(rows: readonly Labelled[]): number[] {
  const several = new Set(rows.map(({ fold }) => fold)).size > 1;
  return rows.map(({ fold }, i) => (several ? fold : i % STACK_FOLDS));
}

/** Subjects of one benchmark are compared with each other; a benchmark of one subject has nothing to compare. */
function topicsOf({ categories }: Targets): Topic[] {
  const names = [...new Set(categories.map(({ benchmark }) => benchmark))];
  const groups = names.filter((name) => categories.filter(({ benchmark }) => benchmark === name).length > 1);
  const rounded = (value: number) => Math.round(value * 1e4) / 1e4;
  return categories.map(({ benchmark, category, gain, ease }) => ({
    label: labelOf(category),
    group: groups.indexOf(benchmark),
    gain: rounded(gain),
    ease: rounded(ease),
  }));
}

function weightsOf(rows: readonly Labelled[]): number[] {
  const counts = new Map<string, number>();
  for (const { benchmark } of rows) counts.set(benchmark, (counts.get(benchmark) ?? 0) + 1);
  return rows.map(({ benchmark }) => (counts.get(benchmark)! / 3000) ** -BALANCE / 2);
}

function artefactJson(
  { width, embedding, output }: TopicModel,
  topics: readonly Topic[],
  trees: readonly Tree[],
  quantiles: readonly number[],
): ArtefactJson {
  const { bytes, scales } = quantised(embedding, width);
  const columns = new Int16Array(trees.length * TREE_NODES).fill(-1);
  const limits = new Float32Array(trees.length * TREE_NODES);
  const values = new Float32Array(trees.length * TREE_NODES);
  trees.forEach((tree, t) => {
    columns.set(tree.columns, t * TREE_NODES);
    limits.set(tree.limits, t * TREE_NODES);
    values.set(tree.values, t * TREE_NODES);
  });
  const body = {
    ...{ format: ARTEFACT_FORMAT, shape: SHAPE, buckets: BUCKETS, width, topics, depth: BOOST_OPTIONS.depth },
    groups: Math.max(-1, ...topics.map(({ group }) => group)) + 1,
    embedding: base64(bytes),
    scales: base64(scales),
    output: base64(output),
    columns: base64(columns),
    limits: base64(limits),
    values: base64(values),
    quantiles: base64(Float32Array.from(quantiles)),
  };
  const version = `learned-1-${createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 10)}`;
  return { version, ...body };
}

/** Eight bits a weight; each hidden value has its own scale. The largest 0.1 % are cut off, so the rest keeps detail. */
function quantised(embedding: Float32Array, width: number): { bytes: Int8Array; scales: Float32Array } {
  const bytes = new Int8Array(embedding.length);
  const scales = new Float32Array(width);
  for (let k = 0; k < width; k += 1) {
    const sizes: number[] = [];
    for (let i = k; i < embedding.length; i += width) if (embedding[i] !== 0) sizes.push(Math.abs(embedding[i]!));
    sizes.sort((one, other) => one - other);
    const scale = (sizes[Math.floor(sizes.length * 0.999)] ?? 1) / 127;
    scales[k] = scale;
    for (let i = k; i < embedding.length; i += width) {
      bytes[i] = Math.max(-127, Math.min(127, Math.round(embedding[i]! / scale)));
    }
  }
  return { bytes, scales };
}

const base64 = (array: ArrayBufferView): string =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
