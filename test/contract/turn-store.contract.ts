import { eventually } from '../support/router-calls.js';
import type { TurnStore } from '../../src/modules/session/turn-store.js';
import { FOREIGN_KEY, idsOf, KEY, sampleTurn, START, storedTurn, type TestClock } from './session-samples.js';

const DAY_MS = 86_400_000;

interface Pair {
  readonly store: TurnStore;
  readonly clock: TestClock;
}

/** What every turn store does. @param createStore an empty store that goes by `clock` */
export function describeTurnStore(name: string, createStore: () => Pair | Promise<Pair>): void {
  describe(`turn store: ${name}`, () => {
    let store: TurnStore;
    let clock: TestClock;

    beforeEach(async () => {
      ({ store, clock } = await createStore());
    });

    const append = async (...numbers: number[]) => {
      for (const n of numbers) await store.append(KEY, storedTurn(n));
    };

    it('gives a turn back as it was', async () => {
      const odd = sampleTurn(1, {
        messages: [{ role: 'user', content: 'Zwölf 🎻 \u0000 \u2028 "quoted"', name: 'x', tool_calls: [{ id: 'a' }] }],
        usage: null,
        costUsd: null,
        tier: 'cloud',
        cached: true,
        fallback: true,
      });
      await store.append(KEY, storedTurn(1, odd));
      const [stored] = (await store.newest(KEY, 10, null)).turns;
      expect(stored?.turn).toEqual(odd);
      expect(stored?.expiresAt).toBe(START + 1 + 30 * DAY_MS);
      expect(stored?.bytes).toBeGreaterThan(100);
    });

    it('keeps one turn when the same id comes twice', async () => {
      await append(1, 1);
      expect((await store.newest(KEY, 10, null)).turns).toHaveLength(1);
    });

    it('orders by id, whatever order the turns came in', async () => {
      await append(2, 3, 1);
      expect(idsOf((await store.newest(KEY, 10, null)).turns)).toEqual(idsOf([3, 2, 1].map((n) => storedTurn(n))));
    });

    it('pages from the newest to the oldest without gap or repeat', async () => {
      await append(...Array.from({ length: 23 }, (_, i) => i));
      const seen: string[] = [];
      let before: string | null = null;
      do {
        const page = await store.newest(KEY, 5, before);
        seen.push(...idsOf(page.turns));
        before = page.next;
      } while (before);
      expect(seen).toEqual(Array.from({ length: 23 }, (_, i) => storedTurn(22 - i).turn.id));
    });

    it('keeps tenants apart in every method', async () => {
      await append(1);
      expect((await store.newest(FOREIGN_KEY, 10, null)).turns).toEqual([]);
      await store.append(FOREIGN_KEY, storedTurn(1));
      expect(await store.erase(FOREIGN_KEY, START)).toBe(true);
      expect((await store.newest(KEY, 10, null)).turns).toHaveLength(1);
    });

    it('keeps sessions of one tenant apart', async () => {
      await append(1);
      const other = { ...KEY, sessionId: 'two' };
      expect((await store.newest(other, 10, null)).turns).toEqual([]);
      expect(await store.erase(other, START)).toBe(false);
      expect((await store.newest(KEY, 10, null)).turns).toHaveLength(1);
    });

    it('returns no turn from the moment it expires', async () => {
      await store.append(KEY, storedTurn(0, {}, 1));
      clock.ms = START + DAY_MS - 1;
      expect((await store.newest(KEY, 10, null)).turns).toHaveLength(1);
      clock.ms = START + DAY_MS;
      expect((await store.newest(KEY, 10, null)).turns).toEqual([]);
    });

    it('erases all turns of a session and says whether there were any', async () => {
      await append(1, 2);
      expect(await store.erase(KEY, START)).toBe(true);
      expect((await store.newest(KEY, 10, null)).turns).toEqual([]);
      expect(await store.erase(KEY, START)).toBe(false);
    });

    it('says for 7 days when a session was erased', async () => {
      await append(1);
      expect(await store.erasedAt(KEY)).toBeNull();
      await store.erase(KEY, START);
      clock.ms = START + 7 * DAY_MS - 1;
      await store.erase(FOREIGN_KEY, START + 5);
      expect([await store.erasedAt(KEY), await store.erasedAt(FOREIGN_KEY)]).toEqual([START, START + 5]);
      expect(await store.erasedAt({ ...KEY, sessionId: 'two' })).toBeNull();
      await store.erase(KEY, START + 9);
      expect(await store.erasedAt(KEY)).toBe(START + 9);
      clock.ms = START + 9 + 7 * DAY_MS;
      expect(await store.erasedAt(KEY)).toBeNull();
    });

    it('takes turns of a conversation that begins anew after an erasure', async () => {
      await append(1);
      await store.erase(KEY, START);
      await append(2, 3);
      expect(idsOf((await store.newest(KEY, 2, null)).turns)).toEqual(idsOf([3, 2].map((n) => storedTurn(n))));
      const { next } = await store.newest(KEY, 2, null);
      expect(next === null ? [] : (await store.newest(KEY, 2, next)).turns).toEqual([]);
    });

    it('is healthy', async () => {
      await eventually('healthy', 10_000, async () => (await store.check()).healthy); // one that is far away begins with its first contact
    });
  });
}
