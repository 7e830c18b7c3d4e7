import type { UsageRow } from '../../src/modules/telemetry/usage/usage-row.js';
import {
  MOST_ROWS_OF_BATCH,
  type UsageBatch,
  type UsageRange,
  type UsageStore,
  type WriterMarks,
} from '../../src/modules/telemetry/usage/usage-store.js';

const SLOW_MS = 120_000;
const ROWS = 2_400;
const REPLICAS = 6;
const ROUNDS = 5;

export const usageRow = (changes: Partial<UsageRow> = {}): UsageRow => ({
  day: '2026-11-05',
  tenant: 'acme',
  user: 'alice',
  model: 'auto',
  target: 'cloud',
  requests: 1,
  promptTokens: 10,
  completionTokens: 20,
  cachedTokens: 4,
  costNanoUsd: 1_000_001,
  savedNanoUsd: 7,
  unpricedRequests: 1,
  ...changes,
});

const NOVEMBER: UsageRange = { from: '2026-11-01', to: '2026-11-30', tenant: null };

async function rowsIn(store: UsageStore, range: Partial<UsageRange> = {}): Promise<UsageRow[]> {
  const rows: UsageRow[] = [];
  for await (const page of store.pages({ ...NOVEMBER, ...range })) rows.push(...page);
  const placeOf = ({ day, tenant, user }: UsageRow) => `${day} ${tenant} ${user}`;
  return rows.map((row) => ({ ...row })).sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
}

/** What every usage store and its marks do. @param create both empty */
export function describeUsageStore(
  name: string,
  create: () => Promise<{ readonly store: UsageStore; readonly marks: WriterMarks }>,
): void {
  describe(`usage store: ${name}`, () => {
    let store: UsageStore;
    let marks: WriterMarks;
    beforeEach(async () => {
      ({ store, marks } = await create());
    });

    let number = 0;
    const batchOf = (rows: readonly UsageRow[], changes: Partial<UsageBatch> = {}): UsageBatch => {
      const { day, tenant } = rows[0]!;
      return { replica: 'one', number: (number += 1), month: day.slice(0, 7), tenant, rows, ...changes };
    };

    it('keeps every field, and adds up what has the same key', async () => {
      await store.add(batchOf([usageRow(), usageRow({ user: 'bob' })]));
      await store.add(batchOf([usageRow({ requests: 2, promptTokens: 5 })]));
      expect(await rowsIn(store)).toEqual([
        usageRow({
          requests: 3,
          promptTokens: 15,
          completionTokens: 40,
          cachedTokens: 8,
          costNanoUsd: 2_000_002,
          savedNanoUsd: 14,
          unpricedRequests: 2,
        }),
        usageRow({ user: 'bob' }),
      ]);
    });

    it('counts a batch once, however often it is told', async () => {
      const first = batchOf([usageRow()]);
      const second = batchOf([usageRow(), usageRow({ user: 'bob' })]);
      for (const batch of [first, first, second, first, second]) await store.add(batch);
      const rows = await rowsIn(store);
      expect(rows.map(({ user, requests }) => [user, requests])).toEqual([
        ['alice', 2],
        ['bob', 1],
      ]);
    });

    it('knows batches of another replica, month and tenant apart', async () => {
      const same = { number: 900 };
      await store.add(batchOf([usageRow()], same));
      await store.add(batchOf([usageRow()], { ...same, replica: 'two' }));
      await store.add(batchOf([usageRow({ tenant: 'zeta' })], same));
      await store.add(batchOf([usageRow({ day: '2026-12-01' })], same));
      const rows = await rowsIn(store, { to: '2026-12-31' });
      expect(rows.map(({ day, tenant, requests }) => [day, tenant, requests])).toEqual([
        ['2026-11-05', 'acme', 2],
        ['2026-11-05', 'zeta', 1],
        ['2026-12-01', 'acme', 1],
      ]);
    });

    it('adds what replicas write to the same rows at the same time', async () => {
      const replicaOf = async (n: number) => {
        for (let round = 1; round <= ROUNDS; round += 1) {
          const rows = [usageRow(), usageRow({ user: 'bob' })];
          await store.add(batchOf(rows, { replica: `replica-${n}`, number: round }));
        }
      };
      await Promise.all(Array.from({ length: REPLICAS }, (_, n) => replicaOf(n)));
      const rows = await rowsIn(store);
      expect(rows.map(({ requests }) => requests)).toEqual([REPLICAS * ROUNDS, REPLICAS * ROUNDS]);
      expect(rows[0]!.costNanoUsd).toBe(REPLICAS * ROUNDS * 1_000_001);
    });

    it('takes names with any character, and of any length', async () => {
      const names = [
        'a/b\\c#d?e',
        "O'Brien",
        'a|b',
        '漢字 é',
        `long${'x'.repeat(2_000)}`,
        '%41',
        'a=b;c',
        '__proto__',
        '=',
      ];
      for (const tenant of names) {
        await store.add(batchOf(names.map((user) => usageRow({ tenant, user, target: user }))));
      }
      const rows = await rowsIn(store);
      expect(rows).toHaveLength(names.length ** 2);
      expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set(names));
      for (const tenant of names) {
        const own = await rowsIn(store, { tenant });
        expect(own).toEqual(rows.filter((row) => row.tenant === tenant));
        expect(new Set(own.map(({ user }) => user))).toEqual(new Set(names));
      }
    });

    it('reads the days and the tenant that were asked for, and no others', async () => {
      const days = ['2025-12-31', '2026-01-01', '2026-01-31', '2026-02-01', '2026-02-28', '2026-03-01'];
      for (const day of days) {
        for (const tenant of ['acme', 'acm', 'acme2']) await store.add(batchOf([usageRow({ day, tenant })]));
      }
      const read = async (from: string, to: string, tenant: string | null) =>
        (await rowsIn(store, { from, to, tenant })).map(({ day }) => day);
      expect(await read('2026-01-01', '2026-02-28', 'acme')).toEqual(days.slice(1, 5));
      expect(await read('2025-01-01', '2026-12-31', 'acme')).toEqual(days);
      expect(await read('2026-01-31', '2026-01-31', 'acme')).toEqual(['2026-01-31']);
      expect(await read('2026-01-31', '2026-02-01', null)).toHaveLength(6);
      expect(await read('2026-01-02', '2026-01-30', null)).toEqual([]);
    });

    it(
      'reads thousands of rows in pages',
      async () => {
        const rows = Array.from({ length: ROWS }, (_, n) =>
          usageRow({ user: `user-${n % 100}`, day: `2026-11-${String(1 + Math.floor(n / 100)).padStart(2, '0')}` }),
        );
        for (let i = 0; i < ROWS; i += MOST_ROWS_OF_BATCH) {
          await store.add(batchOf(rows.slice(i, i + MOST_ROWS_OF_BATCH)));
        }
        const sizes: number[] = [];
        for await (const page of store.pages({ ...NOVEMBER, tenant: 'acme' })) sizes.push(page.length);
        expect(sizes.length).toBeGreaterThan(1);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(ROWS);
      },
      SLOW_MS,
    );

    it('sweeps months that are old, and nothing else', async () => {
      for (const day of ['2025-08-31', '2025-09-01', '2026-11-05']) await store.add(batchOf([usageRow({ day })]));
      await marks.set('one', '2026-11-05T00:00:00.000Z');
      await store.sweep('2025-09');
      const rows = await rowsIn(store, { from: '2025-01-01' });
      expect(rows.map(({ day }) => day)).toEqual(['2025-09-01', '2026-11-05']);
      expect(await marks.all()).toHaveLength(1);
    });

    it('stays what it was when a replica ends', async () => {
      await store.add(batchOf([usageRow()]));
      await store.add(batchOf([usageRow({ day: '2026-12-01' })]));
      await store.close('one');
      expect(await rowsIn(store, { to: '2026-12-31' })).toHaveLength(2);
    });

    describe('marks of writers', () => {
      const AT = '2026-11-05T00:00:00.000Z';
      const LATER = '2026-11-05T00:00:10.000Z';

      it('are set, renewed and removed', async () => {
        await marks.set('one', AT);
        await marks.set('two', AT);
        const [before] = (await marks.all()).filter(({ replica }) => replica === 'one');
        await marks.set('one', LATER);
        const [after] = (await marks.all()).filter(({ replica }) => replica === 'one');
        expect([before?.writtenUntil, after?.writtenUntil]).toEqual([AT, LATER]);
        expect(after?.version).not.toBe(before?.version);
        expect(await marks.remove('one')).toBe(true);
        expect(await marks.remove('one')).toBe(false);
        expect((await marks.all()).map(({ replica }) => replica)).toEqual(['two']);
      });

      it('are not removed by who has not seen the latest version, and by one of many', async () => {
        await marks.set('one', AT);
        const versionNow = async () => (await marks.all())[0]!.version;
        const old = await versionNow();
        await marks.set('one', AT);
        expect(await marks.remove('one', old)).toBe(false);
        const version = await versionNow();
        const removed = await Promise.all([1, 2, 3, 4].map(() => marks.remove('one', version)));
        expect(removed.filter(Boolean)).toHaveLength(1);
      });
    });
  });
}
