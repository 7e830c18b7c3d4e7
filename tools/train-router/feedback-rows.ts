import { readFileSync } from 'node:fs';
import { columnCount, shippedArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import type { FeedbackRow } from './fit-artefact.js';

/** How much of a judgement counts as gain: a caller's word is weaker than a checked answer. */
const TRUST = 0.5;

interface Line {
  readonly type?: string;
  readonly tenant?: string;
  readonly request_id?: string;
  readonly policy_version?: string;
  readonly columns?: number[] | null;
  readonly strong?: boolean;
  readonly score?: number;
}

/**
 * Reads a decision log (`decisions.jsonl`) and joins each score with the decision of the same tenant and request. A bad
 * answer of the weak side says that the strong one would have gained; a good one, that it was not needed. A bad answer
 * of the strong side says that it gained nothing; a good one says nothing, as nobody saw the weak side's. Decisions of
 * another artefact have other columns and are left out.
 *
 * @throws Error naming the line that cannot be read
 */
export function readFeedback(file: string): FeedbackRow[] {
  const { groups, version } = shippedArtefact();
  const width = columnCount(groups);
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [parsed(line, `${file}:${i + 1}`)]));
  const keyOf = ({ tenant, request_id: id }: Line) => `${tenant} ${id}`;
  const decisions = new Map(lines.filter(({ type }) => type === 'decision').map((line) => [keyOf(line), line]));
  // said again it replaces what was said before
  const judgements = new Map(lines.filter(({ type }) => type === 'feedback').map((line) => [keyOf(line), line]));
  return [...judgements].flatMap(([key, line]) => {
    const decision = decisions.get(key);
    const usable = decision?.policy_version?.endsWith(version) && decision.columns?.length === width;
    if (!decision || !usable || typeof line.score !== 'number') return [];
    if (decision.strong && line.score > 0) return [];
    const gain = decision.strong ? line.score : -line.score;
    return [{ columns: Float32Array.from(decision.columns), gain: TRUST * gain }];
  });
}

function parsed(line: string, where: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch {
    throw new Error(`${where} is not JSON; expected a decision log`);
  }
}
