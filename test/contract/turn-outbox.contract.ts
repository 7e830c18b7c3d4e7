import { jest } from '@jest/globals';
import { StoreUnavailable } from '../../src/common/store-unavailable.js';
import type { PendingTurn, TurnOutbox } from '../../src/modules/session/turn-outbox.js';
import { FOREIGN_KEY, KEY, sampleTurn, storedTurn } from './session-samples.js';

/** What every outbox does. @param createOutbox an empty one */
export function describeTurnOutbox(name: string, createOutbox: () => Promise<TurnOutbox>): void {
  describe(`turn outbox: ${name}`, () => {
    let outbox: TurnOutbox;
    beforeEach(async () => {
      outbox = await createOutbox();
    });
    const put = async (...numbers: number[]) => {
      for (const n of numbers) await outbox.put({ key: KEY, turn: storedTurn(n) });
    };
    const delivered = async () => {
      const ids: string[] = [];
      await outbox.drain(async ({ turn }) => void ids.push(turn.turn.requestId));
      return ids;
    };

    it('delivers every turn once, as it was, oldest first', async () => {
      await put(1, 2, 3);
      expect(await outbox.depth()).toBe(3);
      const seen: PendingTurn[] = [];
      expect(await outbox.drain(async (pending) => void seen.push(pending))).toBe(3);
      expect(seen.map(({ key }) => key)).toEqual([KEY, KEY, KEY]);
      expect(seen.map(({ turn }) => turn.turn)).toEqual([1, 2, 3].map((n) => sampleTurn(n)));
      expect(seen[0]?.turn.expiresAt).toBe(storedTurn(1).expiresAt);
      expect(await outbox.depth()).toBe(0);
      expect(await delivered()).toEqual([]);
    });

    it('keeps what could not be delivered, and delivers it at the next drain', async () => {
      await put(1, 2);
      const away = jest.fn<() => Promise<void>>().mockRejectedValue(new StoreUnavailable('away'));
      expect(await outbox.drain(away)).toBe(0);
      expect(away).toHaveBeenCalledTimes(1);
      expect(await delivered()).toEqual(['req-1', 'req-2']);
    });

    it('erases the turns of one session', async () => {
      await put(1, 2);
      await outbox.put({ key: FOREIGN_KEY, turn: storedTurn(3) });
      await outbox.erase(KEY);
      expect(await delivered()).toEqual(['req-3']);
    });
  });
}
