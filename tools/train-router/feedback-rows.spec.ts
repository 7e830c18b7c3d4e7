import type { ListedRecord } from '../../src/modules/telemetry/records/read-records.js';
import { columnCount, shippedArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import { feedbackRows } from './feedback-rows.js';

const { groups, version } = shippedArtefact();
const COLUMNS = Array.from({ length: columnCount(groups) }, (_, i) => i / 2);

function judged(score: number, strong: boolean, changes: Partial<ListedRecord> = {}): ListedRecord {
  return {
    request_id: 'r1',
    outcome: 'answered',
    policy_version: `rules-1+${version}`,
    columns: COLUMNS,
    learned: { score: 0.5, strong, weak_price: null, strong_price: null },
    feedback: { score, at: '2026-11-27T06:00:00.000Z' },
    ...changes,
  } as ListedRecord;
}

describe('rows of feedback', () => {
  it('say what the strong side would have gained, or has not', () => {
    const rows = feedbackRows([judged(-1, false), judged(0.5, false), judged(-1, true), judged(1, true)]);
    expect(rows.map(({ gain }) => gain)).toEqual([0.5, -0.25, -0.5]);
    expect([...rows[0]!.columns]).toEqual(COLUMNS);
  });

  it('leave out what another artefact decided, and what none did', () => {
    const others = [
      judged(1, false, { policy_version: 'rules-1+learned-0' }),
      judged(1, false, { policy_version: null, learned: null, columns: null }),
      judged(1, false, { columns: COLUMNS.slice(1) }),
      judged(1, false, { feedback: null }),
    ];
    expect(feedbackRows(others)).toEqual([]);
  });

  it('need somebody who judged', () => {
    expect(() => feedbackRows([judged(1, false, { feedback: null })])).toThrow('none of 1 records has a score');
  });
});
