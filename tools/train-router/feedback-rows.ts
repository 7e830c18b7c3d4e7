import { readFileSync } from 'node:fs';
import type { FeedbackRow } from './fit-artefact.js';

import { columnCount, shippedArtefact } from '../../src/modules/router/learned/routing-artefact.js';

/** How much of a judgement counts as gain: a caller's word is weaker than a checked answer. */
const TRUST = 0.5;

/**
 * Reads judged decisions, JSON Lines `{"policy_version", "columns": [number], "strong": boolean, "score": -1..1}`.
 * A bad answer of the weak side says that the strong one would have gained; a good one, that it was not needed. A bad
 * answer of the strong side says that it gained nothing; a good one says little, as nobody saw the weak side's.
 *
 * @throws Error naming the line that cannot be used
 */
export function readFeedback(file: string): FeedbackRow[] {
  const width = columnCount(shippedArtefact().groups);
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [feedbackRow(line, `${file}:${i + 1}`, width)]));
}

function feedbackRow(line: string, where: string, width: number): FeedbackRow {
  const { columns, strong, score } = JSON.parse(line) as { columns?: number[]; strong?: boolean; score?: number };
  if (!Array.isArray(columns) || columns.length !== width || !columns.every(Number.isFinite)) {
    throw new Error(`${where}: columns must be ${width} numbers, as the decision log of this version has them`);
  }
  if (typeof strong !== 'boolean') throw new Error(`${where}: strong must be true or false`);
  if (typeof score !== 'number' || Math.abs(score) > 1) throw new Error(`${where}: score must be from -1 to 1`);
  const gain = strong ? Math.min(0, score) : -score;
  return { columns: Float32Array.from(columns), gain: TRUST * gain };
}
