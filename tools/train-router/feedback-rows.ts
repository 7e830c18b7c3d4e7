import type { ListedRecord } from '../../src/modules/telemetry/records/read-records.js';
import { columnCount, shippedArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import { UsageError } from '../command.js';
import type { FeedbackRow } from './fit-artefact.js';

/** How much of a judgement counts as gain: a caller's word is weaker than a checked answer. */
const TRUST = 0.5;

/**
 * What the judged ones among these records say. A bad answer of the weak side says that the strong one would have gained; a
 * good one, that it was not needed. A bad answer of the strong side says that it gained nothing; a good one says nothing, as
 * nobody saw the weak side's. Decisions of another artefact have other columns and are left out.
 *
 * @throws UsageError when none is judged
 */
export function feedbackRows(records: readonly ListedRecord[]): FeedbackRow[] {
  const { groups, version } = shippedArtefact();
  const width = columnCount(groups);
  const judged = records.filter(({ feedback }) => feedback !== null && typeof feedback?.score === 'number');
  if (judged.length === 0) {
    throw new UsageError(`none of ${records.length} records has a score: POST /v1/feedback gives them one`);
  }
  return judged.flatMap(({ feedback, learned, columns, policy_version: policy }) => {
    if (!learned || columns?.length !== width || !policy?.endsWith(version)) return [];
    const { score } = feedback!;
    if (learned.strong && score > 0) return [];
    return [{ columns: Float32Array.from(columns), gain: TRUST * (learned.strong ? score : -score) }];
  });
}
