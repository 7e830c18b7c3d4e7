import {
  MOST_ENTRIES_OF_BATCH,
  type RecordBatch,
  type RecordEntry,
  type RequestRecords,
} from '../../src/modules/telemetry/records/request-records.js';

const KEEP = 100;
const ALICE = 'alice'.padEnd(22, '-');
const BOB = 'bob'.padEnd(22, '-');

export const recordEntry = (requestId: string, owner = ALICE): RecordEntry => ({
  owner,
  requestId,
  text: JSON.stringify({ request_id: requestId, owner }),
});

/** What every store of request records does. @param create an empty one; called again for another replica on the same data */
export function describeRequestRecords(name: string, create: () => Promise<() => RequestRecords>): void {
  describe(`request records: ${name}`, () => {
    let another: () => RequestRecords;
    let store: RequestRecords;
    beforeEach(async () => {
      another = await create();
      store = another();
    });

    let number = 0;
    const batchOf = (ids: readonly string[], changes: Partial<RecordBatch> = {}): RecordBatch => ({
      writer: 'one',
      number: (number += 1),
      entries: ids.map((id) => recordEntry(id)),
      keep: KEEP,
      ...changes,
    });
    const idOf = ({ text }: { readonly text: string }): string =>
      (JSON.parse(text) as { request_id: string }).request_id;
    const idsIn = async (of = store): Promise<string[]> => {
      const ids: string[] = [];
      for (let page = await of.page(null, 40); page.length > 0; page = await of.page(page.at(-1)!.place, 40)) {
        expect(page.length).toBeLessThanOrEqual(40);
        ids.push(...page.map(idOf));
      }
      return ids;
    };

    it('finds a record by its owner and id, and for nobody else, on every replica', async () => {
      await store.add(batchOf(['r1', 'r2']));
      for (const replica of [store, another()]) {
        expect(await replica.find(ALICE, 'r1')).toMatchObject({ text: recordEntry('r1').text, feedback: null });
        expect(await replica.find(ALICE, 'r3')).toBeNull();
        expect(await replica.find(BOB, 'r1')).toBeNull();
        expect(await replica.find(BOB, null)).toBeNull();
      }
    });

    it('finds the latest of an owner, and of an id that came twice', async () => {
      const twice = { ...recordEntry('r1'), text: '{"request_id":"r1","again":true}' };
      await store.add(batchOf(['r1', 'r2']));
      await store.add(batchOf([], { entries: [recordEntry('r3', BOB), twice, recordEntry('r4', BOB)] }));
      expect((await store.find(ALICE, 'r1'))?.text).toBe(twice.text);
      expect(idOf((await store.find(ALICE, null))!)).toBe('r1');
      expect(idOf((await store.find(BOB, null))!)).toBe('r4');
      expect(await idsIn()).toEqual(['r4', 'r1', 'r3', 'r2', 'r1']);
    });

    it('writes a batch once, however often it is told', async () => {
      const first = batchOf(['r1']);
      const second = batchOf(['r2', 'r3']);
      for (const batch of [first, first, second, second, first]) await store.add(batch);
      expect(await idsIn()).toEqual(['r3', 'r2', 'r1']);
      await another().add(batchOf(['r4'], { writer: 'two', number: 1 }));
      expect(await idsIn()).toEqual(['r4', 'r3', 'r2', 'r1']);
    });

    it('keeps exactly the newest, and forgets what belongs to the others', async () => {
      const ids = Array.from({ length: 3 * KEEP }, (_, i) => `r${i}`);
      await store.add(batchOf(['other'], { entries: [recordEntry('other', BOB)] }));
      for (let i = 0; i < ids.length; i += 37) {
        await store.add(batchOf(ids.slice(i, i + 37)));
        expect(await idsIn()).toHaveLength(Math.min(KEEP, 1 + i + ids.slice(i, i + 37).length));
      }
      expect(await idsIn()).toEqual(ids.slice(-KEEP).reverse());
      expect(await store.find(ALICE, 'r0')).toBeNull();
      expect(await store.find(ALICE, `r${2 * KEEP}`)).not.toBeNull();
      expect(await store.find(BOB, 'other')).toBeNull();
      expect(await store.find(BOB, null)).toBeNull();
    });

    it('does not lose a record with the older one of the same id', async () => {
      await store.add(batchOf(['same', 'r1', 'same'], { keep: 10 }));
      await store.add(
        batchOf(
          Array.from({ length: 8 }, (_, i) => `more-${i}`),
          { keep: 10 },
        ),
      );
      expect(await store.find(ALICE, 'same')).not.toBeNull();
    });

    it('keeps exactly so many when replicas write at the same time', async () => {
      const replicas = ['one', 'two', 'three'].map((writer) => ({ writer, records: another() }));
      const write = async ({ writer, records }: (typeof replicas)[number]) => {
        for (let n = 1; n <= 20; n += 1) {
          const ids = Array.from({ length: 7 }, (_, i) => `${writer}-${n}-${i}`);
          await records.add(batchOf(ids, { writer, number: n, keep: 200 }));
        }
      };
      await Promise.all(replicas.map(write));
      const ids = await idsIn();
      expect(ids).toHaveLength(200);
      expect(new Set(ids).size).toBe(200);
      for (const { writer } of replicas) {
        const own = ids.filter((id) => id.startsWith(writer));
        const all = Array.from({ length: 140 }, (_, i) => `${writer}-${1 + Math.floor(i / 7)}-${i % 7}`);
        expect(own).toEqual(all.slice(-own.length).reverse());
      }
    });

    it('keeps as many as it is told from now on, none too', async () => {
      for (let n = 0; n < 12; n += 1) {
        const ids = Array.from({ length: MOST_ENTRIES_OF_BATCH }, (_, i) => `r${n * MOST_ENTRIES_OF_BATCH + i}`);
        await store.add(batchOf(ids, { keep: 5_000 }));
      }
      expect(await idsIn()).toHaveLength(12 * MOST_ENTRIES_OF_BATCH);
      await store.add(batchOf([], { number: 0, keep: 20 }));
      expect(await idsIn()).toEqual(Array.from({ length: 20 }, (_, i) => `r${12 * MOST_ENTRIES_OF_BATCH - 1 - i}`));
      await store.add(batchOf([], { number: 0, keep: 0 }));
      expect(await idsIn()).toEqual([]);
      expect(await store.find(ALICE, null)).toBeNull();
      await store.add(batchOf(['new'], { keep: 2 }));
      expect(await idsIn()).toEqual(['new']);
    });

    it('keeps feedback beside its record and no longer, the latest only', async () => {
      await store.add(batchOf(['r1', 'r2'], { keep: 2 }));
      const { place } = (await store.find(ALICE, 'r1'))!;
      expect(await store.judge(place, '{"score":1}')).toBe(true);
      expect(await another().judge(place, '{"score":-1}')).toBe(true);
      expect((await store.find(ALICE, 'r1'))?.feedback).toBe('{"score":-1}');
      expect((await store.page(null, 10)).map(({ feedback }) => feedback)).toEqual([null, '{"score":-1}']);
      await store.add(batchOf(['r3'], { keep: 2 }));
      expect(await store.judge(place, '{"score":0}')).toBe(false);
      expect((await store.page(null, 10)).map(({ feedback }) => feedback)).toEqual([null, null]);
    });

    it('pages on behind a record that has left, and takes any place', async () => {
      await store.add(batchOf(['r1', 'r2', 'r3']));
      const [, second] = await store.page(null, 2);
      await store.add(batchOf(['r4'], { keep: 1 }));
      expect(await store.page(second!.place, 10)).toEqual([]);
      for (const place of ['0', '0-0', '999999999999999', '999999999999999-999999999999999', '5-3']) {
        expect(Array.isArray(await store.page(place, 10))).toBe(true);
        expect(await store.judge(place, '{}')).toBe(false);
      }
    });

    it('takes texts of any characters', async () => {
      const text = JSON.stringify({ request_id: 'é€😀"\\\u0000\n', x: 'y'.repeat(20_000) });
      await store.add(batchOf([], { entries: [{ ...recordEntry('r1'), text }] }));
      expect((await store.find(ALICE, 'r1'))?.text).toBe(text);
      expect((await store.page(null, 1))[0]?.text).toBe(text);
    });
  });
}
