import type { ListOrder, SessionIndex, SessionSummary } from '../../src/modules/session/session-index.js';
import { FOREIGN_KEY, KEY, sampleTurn, START, storedTurn, type TestClock } from './session-samples.js';

const DAY_MS = 86_400_000;
const SESSIONS = 1_000;

/** At once, as replicas do. */
const WRITERS = 8;
const SLOW_MS = 60_000;

interface Pair {
  readonly index: SessionIndex;
  readonly clock: TestClock;
}

/** What every session index does. @param createIndex an empty index that goes by `clock` */
export function describeSessionIndex(name: string, createIndex: () => Pair | Promise<Pair>): void {
  describe(`session index: ${name}`, () => {
    let index: SessionIndex;
    let clock: TestClock;

    beforeEach(async () => {
      ({ index, clock } = await createIndex());
    });

    const record = (sessionId: string, n: number) => index.record({ tenant: KEY.tenant, sessionId }, storedTurn(n));
    const listed = async (order: ListOrder) =>
      (await index.list(KEY.tenant, 100, order, null)).sessions.map(({ id }) => id);

    it('sums up the turns of a session', async () => {
      await index.record(KEY, storedTurn(1));
      await index.record(KEY, storedTurn(2));
      expect(await index.find(KEY)).toEqual({
        id: 'one',
        title: 'question 1',
        createdAt: sampleTurn(1).at,
        updatedAt: sampleTurn(2).at,
        turnCount: 2,
        costUsd: 0.5,
      });
    });

    it('knows no cost once one turn has none', async () => {
      await index.record(KEY, storedTurn(1, { costUsd: null }));
      await index.record(KEY, storedTurn(2));
      expect((await index.find(KEY))?.costUsd).toBeNull();
    });

    it('takes the title from the first turn that has text', async () => {
      await index.record(KEY, storedTurn(1, { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }));
      await index.record(KEY, storedTurn(2));
      expect((await index.find(KEY))?.title).toBe('question 2');
    });

    it('orders by the latest turn, ties by id', async () => {
      await record('b', 1);
      await record('a', 1);
      await record('c', 2);
      await record('d', 0);
      expect(await listed('desc')).toEqual(['c', 'b', 'a', 'd']);
      expect(await listed('asc')).toEqual(['d', 'a', 'b', 'c']);
      await record('d', 3);
      expect(await listed('desc')).toEqual(['d', 'c', 'b', 'a']);
    });

    it.each(['asc', 'desc'] as const)(
      'pages through 1,000 sessions %s without gap or repeat',
      async (order) => {
        const ids = Array.from({ length: SESSIONS }, (_, i) => `s${String(i).padStart(4, '0')}`);
        const queue = ids.entries();
        const writer = async () => {
          for (const [i, id] of queue) await record(id, Math.floor(i / 3)); // every time is shared by three
        };
        await Promise.all(Array.from({ length: WRITERS }, writer));
        const seen: string[] = [];
        let after: SessionSummary | null = null;
        for (let more = true; more;) {
          const page = await index.list(KEY.tenant, 77, order, after);
          seen.push(...page.sessions.map(({ id }) => id));
          after = page.sessions.at(-1) ?? null;
          more = page.hasMore;
        }
        expect(seen).toEqual(order === 'asc' ? ids : ids.toReversed());
      },
      SLOW_MS,
    );

    it('counts every turn that several writers record at once', async () => {
      await Promise.all(Array.from({ length: WRITERS }, (_, n) => record('busy', n)));
      expect(await index.find({ tenant: KEY.tenant, sessionId: 'busy' })).toMatchObject({ turnCount: WRITERS });
      expect(await listed('desc')).toEqual(['busy']);
      expect(await listed('asc')).toEqual(['busy']);
    });

    it('orders ids of which one is the beginning of another', async () => {
      for (const id of ['ab', 'a', 'a:b', 'b']) await record(id, 1);
      expect(await listed('asc')).toEqual(['a', 'a:b', 'ab', 'b']);
      expect(await listed('desc')).toEqual(['b', 'ab', 'a:b', 'a']);
    });

    it('has no more when the last page is exactly full', async () => {
      await record('a', 1);
      await record('b', 2);
      expect((await index.list(KEY.tenant, 2, 'desc', null)).hasMore).toBe(false);
      expect((await index.list(KEY.tenant, 1, 'desc', null)).hasMore).toBe(true);
    });

    it('keeps tenants apart in every method', async () => {
      await index.record(KEY, storedTurn(1));
      expect(await index.find(FOREIGN_KEY)).toBeNull();
      expect((await index.list(FOREIGN_KEY.tenant, 10, 'desc', null)).sessions).toEqual([]);
      expect((await index.list(FOREIGN_KEY.tenant, 10, 'asc', null)).sessions).toEqual([]);
      expect(await index.erase(FOREIGN_KEY)).toBe(false);
      await index.record(FOREIGN_KEY, storedTurn(5));
      expect((await index.find(KEY))?.turnCount).toBe(1);
    });

    it('forgets a session when its latest turn expires, and begins anew after that', async () => {
      await index.record(KEY, storedTurn(0, {}, 1));
      clock.ms = START + DAY_MS - 1;
      expect(await index.find(KEY)).not.toBeNull();
      clock.ms = START + DAY_MS;
      expect(await index.find(KEY)).toBeNull();
      expect(await listed('desc')).toEqual([]);
      await index.record(KEY, storedTurn(DAY_MS));
      expect(await index.find(KEY)).toMatchObject({ turnCount: 1, title: `question ${DAY_MS}` });
    });

    it('erases and says whether the session was there', async () => {
      await index.record(KEY, storedTurn(1));
      expect(await index.erase(KEY)).toBe(true);
      expect(await index.find(KEY)).toBeNull();
      expect(await index.erase(KEY)).toBe(false);
    });
  });
}
