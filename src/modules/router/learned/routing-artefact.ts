import { TREE_DEPTH, type Trees } from './forest.js';
import { BUCKETS, SHAPE } from './prompt-scan.js';
import { TRAINED_ARTEFACT } from './trained-artefact.js';

/** Format of the file; raised when an older program could not read it. */
export const ARTEFACT_FORMAT = 1;

/** What a subject of the training data is called for a person, and how such questions behaved. */
export interface Topic {
  /** Completes "looks like ...". */
  readonly label: string;
  /** Index of the group of subjects it is compared within; -1 for a subject that has none beside it. */
  readonly group: number;
  /** Mean gain of the strong side against its benchmark's mean. */
  readonly gain: number;
  /** Mean ease for other models against its benchmark's mean. */
  readonly ease: number;
}

/** The trained part of the decision: numbers only, no text of any prompt. */
export interface RoutingArtefact {
  readonly version: string;
  readonly width: number;
  readonly groups: number;
  readonly topics: readonly Topic[];
  /** `embedding[bucket * width + k]`, times `scales[k]`. */
  readonly embedding: Int8Array;
  readonly scales: Float32Array;
  /** `output[topic * (width + 1) + k]`; the last one is the bias. */
  readonly output: Float32Array;
  readonly forest: Trees;
  /** Forest sums at 0, 1, ... 100 % of the training queries; makes scores shares. */
  readonly quantiles: Float32Array;
}

/** JSON of the file: arrays as base64 of little-endian numbers. */
export interface ArtefactJson {
  readonly format: number;
  readonly version: string;
  readonly shape: readonly string[];
  readonly buckets: number;
  readonly width: number;
  readonly groups: number;
  readonly topics: readonly Topic[];
  readonly embedding: string;
  readonly scales: string;
  readonly output: string;
  readonly depth: number;
  readonly columns: string;
  readonly limits: string;
  readonly values: string;
  readonly quantiles: string;
}

/** Columns of the forest: the prompt's shape, then gain and ease expected from its subject, by group. */
export const columnCount = (groups: number): number => SHAPE.length + 2 * groups;

/** @throws Error when the file was made for another version of the program or is damaged */
export function parseArtefact(json: ArtefactJson): RoutingArtefact {
  const isOurs = json.format === ARTEFACT_FORMAT && json.buckets === BUCKETS && json.shape.join() === SHAPE.join();
  const fits = isOurs && json.depth === TREE_DEPTH && json.width % 4 === 0;
  if (!fits) throw new Error('The routing artefact is of another version of this program; run npm run train-router.');
  const { version, width, groups, topics } = json;
  const artefact = {
    ...{ version, width, groups, topics },
    embedding: new Int8Array(bytesOf(json.embedding)),
    scales: new Float32Array(bytesOf(json.scales)),
    output: new Float32Array(bytesOf(json.output)),
    forest: {
      columns: new Int16Array(bytesOf(json.columns)),
      limits: new Float32Array(bytesOf(json.limits)),
      values: new Float32Array(bytesOf(json.values)),
    },
    quantiles: new Float32Array(bytesOf(json.quantiles)),
  };
  const whole =
    artefact.embedding.length === BUCKETS * width &&
    artefact.output.length === topics.length * (width + 1) &&
    artefact.forest.columns.every((column) => column < columnCount(groups));
  if (!whole) throw new Error('The routing artefact is damaged; run npm run train-router.');
  return artefact;
}

/** The artefact that this version ships. */
export const shippedArtefact = (): RoutingArtefact => parseArtefact(JSON.parse(TRAINED_ARTEFACT) as ArtefactJson);

function bytesOf(base64: string): ArrayBuffer {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
