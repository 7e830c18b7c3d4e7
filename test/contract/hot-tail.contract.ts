import type { HotTail } from '../../src/modules/session/hot-tail.js';
import { FOREIGN_KEY, idsOf, KEY, sampleTurn, START, storedTurn, type TestClock } from './session-samples.js';

export const TTL_MS = 60_000;
export const MAX_TURNS = 5;
const DAY_MS = 86_400_000;

interface Pair {
  readonly tail: HotTail;
  readonly clock: TestClock;
}

/** What every hot tail does. @param createTail an empty one with TTL_MS and MAX_TURNS that goes by `clock` */
export function describeHotTail(name: string, createTail: () => Pair | Promise<Pair>): void {
  describe(`hot tail: ${name}`, () => {
    let tail: HotTail;
    let clock: TestClock;

    beforeEach(async () => {
      ({ tail, clock } = await createTail());
    });

    const fill = async (...numbers: number[]) => {
      const { mark } = await tail.read(KEY);
      await tail.fill(
        KEY,
        numbers.map((n) => storedTurn(n)),
        mark,
      );
    };
    const held = async () => idsOf((await tail.read(KEY)).turns);
    const ids = (...numbers: number[]) => idsOf(numbers.map((n) => storedTurn(n)));

    it('knows nothing of a session it has not seen', async () => {
      expect(await tail.read(KEY)).toMatchObject({ turns: [], complete: false });
    });

    it('is complete after a fill, also an empty one, and stays so with appends', async () => {
      await fill();
      expect(await tail.read(KEY)).toMatchObject({ turns: [], complete: true });
      await tail.append(KEY, storedTurn(1), true);
      await tail.append(KEY, storedTurn(2), true);
      expect(await tail.read(KEY)).toMatchObject({
        turns: [{ turn: sampleTurn(1) }, { turn: sampleTurn(2) }],
        complete: true,
      });
    });

    it('is not complete with appends alone', async () => {
      await tail.append(KEY, storedTurn(1), false);
      expect(await tail.read(KEY)).toMatchObject({ turns: [{ turn: sampleTurn(1) }], complete: false });
    });

    it('reads a session again that is forgotten, without what was read before', async () => {
      await fill(1, 2);
      const { mark } = await tail.read(KEY);
      await tail.forget(KEY);
      await tail.fill(KEY, [storedTurn(1), storedTurn(2)], mark);
      expect(await tail.read(KEY)).toMatchObject({ turns: [], complete: false });
      await fill(2);
      expect(await held()).toEqual(ids(2));
      await tail.append(KEY, storedTurn(3), true);
      expect(await tail.read(KEY)).toMatchObject({ turns: [{ turn: sampleTurn(2) }, { turn: sampleTurn(3) }] });
    });

    it('loses no append that comes between a miss and its fill', async () => {
      const { mark } = await tail.read(KEY);
      await tail.append(KEY, storedTurn(3), true);
      await tail.fill(KEY, [storedTurn(1), storedTurn(2)], mark);
      expect(await held()).toEqual(ids(1, 2, 3));
    });

    it('does not bring back what was erased between a miss and its fill', async () => {
      const { mark } = await tail.read(KEY);
      await tail.erase(KEY, START);
      await tail.fill(KEY, [storedTurn(1)], mark);
      expect(await tail.read(KEY)).toMatchObject({ turns: [], complete: false });
    });

    it('keeps a turn once and in order', async () => {
      await fill(1, 3);
      await tail.append(KEY, storedTurn(2), true);
      await tail.append(KEY, storedTurn(2), true);
      expect(await held()).toEqual(ids(1, 2, 3));
    });

    it('keeps the newest turns only', async () => {
      await fill(1, 2, 3, 4);
      for (const n of [5, 6, 7]) await tail.append(KEY, storedTurn(n), true);
      expect(await held()).toEqual(ids(3, 4, 5, 6, 7));
    });

    it('keeps tenants apart in every method', async () => {
      await fill(1);
      expect(await tail.read(FOREIGN_KEY)).toMatchObject({ turns: [], complete: false });
      await tail.append(FOREIGN_KEY, storedTurn(2), true);
      await tail.erase(FOREIGN_KEY, START);
      expect(await held()).toEqual(ids(1));
    });

    it('forgets a session its TTL after the latest append', async () => {
      await fill(1);
      clock.ms += TTL_MS - 1;
      await tail.append(KEY, storedTurn(2), true);
      clock.ms += TTL_MS - 1;
      expect(await held()).toEqual(ids(1, 2));
      clock.ms += 1;
      expect(await tail.read(KEY)).toMatchObject({ turns: [], complete: false });
    });

    it('returns no turn from the moment it expires', async () => {
      clock.ms = START + DAY_MS - 1;
      await tail.append(KEY, storedTurn(0, {}, 1), true);
      await tail.append(KEY, storedTurn(1, {}, 1), true);
      expect(await held()).toEqual(ids(0, 1));
      clock.ms += 1;
      expect(await held()).toEqual(ids(1));
    });

    it('erases', async () => {
      await fill(1);
      await tail.erase(KEY, START);
      expect(await tail.read(KEY)).toMatchObject({ turns: [], complete: false });
    });

    it('does not keep a turn whose session was erased since its request began', async () => {
      const before = (await tail.read(KEY)).erasedAt ?? 0;
      const began = { at: START - 5, erasedBefore: before };
      const number = await tail.erase(KEY, START);
      expect(await tail.append(KEY, { ...storedTurn(1), began }, true)).toBe('erased');
      expect(await tail.append(KEY, { ...storedTurn(1), began: { at: START - 5, erasedBefore: null } }, true)).toBe(
        'erased',
      );
      expect(await held()).toEqual([]);
      const anew = { at: START - 5, erasedBefore: number }; // a clock that is behind changes nothing
      expect(await tail.append(KEY, { ...storedTurn(2), began: anew }, true)).not.toBe('erased');
      expect(await tail.append(FOREIGN_KEY, { ...storedTurn(3), began }, true)).not.toBe('erased');
      expect(await held()).toEqual(ids(2));
      expect(await tail.erase(KEY, START)).toBeGreaterThan(number);
    });
  });
}
