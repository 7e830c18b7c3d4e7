import { describe, expect, it } from '@jest/globals';
import { NO_COUNTS, type UsageRow } from './usage-row.js';
import { MERGED, UnwrittenUsage } from './unwritten-usage.js';
import { MOST_ROWS_OF_BATCH } from './usage-store.js';

const row = (changes: Partial<UsageRow> = {}): UsageRow => ({
  ...{ day: '2026-11-05', tenant: 'acme', user: 'alice', model: 'auto', target: 'cloud' },
  ...NO_COUNTS,
  requests: 1,
  costNanoUsd: 10,
  ...changes,
});

/** Confirms everything. */
function drain(unwritten: UnwrittenUsage): UsageRow[] {
  const rows: UsageRow[] = [];
  for (const place of unwritten.cut()) {
    for (let batch = unwritten.next(place); batch; batch = unwritten.next(place)) {
      rows.push(...batch.rows);
      unwritten.confirm(place);
    }
  }
  return rows;
}

describe('UnwrittenUsage', () => {
  it('adds up requests of the same key', () => {
    const unwritten = new UnwrittenUsage('one');
    for (const user of ['alice', 'bob', 'alice']) unwritten.add(row({ user }), 1);
    expect(drain(unwritten)).toEqual([row({ requests: 2, costNanoUsd: 20 }), row({ user: 'bob' })]);
    expect(unwritten.isEmpty).toBe(true);
    expect(unwritten.total).toEqual(NO_COUNTS);
  });

  it('a batch that was made never changes, and what comes later is in the next one', () => {
    const unwritten = new UnwrittenUsage('one');
    unwritten.add(row(), 1);
    const [place] = unwritten.cut();
    const first = unwritten.next(place!)!;
    unwritten.add(row(), 2);
    expect(unwritten.cut()).toEqual([place]);
    expect(unwritten.next(place!)).toBe(first);
    expect(first.rows).toEqual([row()]);
    unwritten.confirm(place!);
    unwritten.cut();
    const second = unwritten.next(place!)!;
    expect(second.number).toBeGreaterThan(first.number);
    expect(second.rows).toEqual([row()]);
  });

  it('makes batches of one month and tenant, with no more rows than a transaction takes', () => {
    const unwritten = new UnwrittenUsage('one');
    for (let n = 0; n < 2 * MOST_ROWS_OF_BATCH + 1; n += 1) unwritten.add(row({ user: `user-${n}` }), 1);
    unwritten.add(row({ tenant: 'zeta' }), 1);
    unwritten.add(row({ day: '2026-12-01' }), 1);
    const places = unwritten.cut();
    expect(places).toHaveLength(3);
    const sizes: number[] = [];
    for (let batch = unwritten.next(places[0]!); batch; batch = unwritten.next(places[0]!)) {
      sizes.push(batch.rows.length);
      unwritten.confirm(places[0]!);
    }
    expect(sizes).toEqual([MOST_ROWS_OF_BATCH, MOST_ROWS_OF_BATCH, 1]);
  });

  it('tells the oldest request that waits, also while its batch is under way', () => {
    const unwritten = new UnwrittenUsage('one');
    expect(unwritten.oldestAt).toBeNull();
    unwritten.add(row(), 100);
    unwritten.add(row(), 200);
    expect(unwritten.oldestAt).toBe(100);
    const [place] = unwritten.cut();
    unwritten.add(row(), 300);
    expect(unwritten.oldestAt).toBe(100);
    unwritten.confirm(place!);
    expect(unwritten.oldestAt).toBe(300);
    drain(unwritten);
    expect(unwritten.oldestAt).toBeNull();
  });

  it('with too many keys loses who it was, and no request and no money', () => {
    const unwritten = new UnwrittenUsage('one', 10);
    for (let n = 0; n < 1_000; n += 1) unwritten.add(row({ user: `user-${n}` }), 1);
    unwritten.add(row({ user: 'user-3' }), 1); // one that is known
    expect([unwritten.merged, unwritten.dropped]).toEqual([990, 0]);
    expect(unwritten.total).toMatchObject({ requests: 1_001, costNanoUsd: 10_010 });
    const rows = drain(unwritten);
    expect(rows).toHaveLength(11);
    expect(rows.find(({ user }) => user === MERGED)).toMatchObject({ requests: 990, model: MERGED, target: MERGED });
    expect(rows.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)).toBe(10_010);
  });

  it('holds no more than twice its rows, and counts what it drops', () => {
    const unwritten = new UnwrittenUsage('one', 10);
    for (let n = 0; n < 100; n += 1) unwritten.add(row({ tenant: `tenant-${n}` }), 1);
    expect([unwritten.merged, unwritten.dropped]).toEqual([10, 80]);
    expect(drain(unwritten)).toHaveLength(20);
  });
});
