import type { OutboxEntry, PendingTurn, TurnOutbox } from '../../src/modules/session/turn-outbox.js';
import { FOREIGN_KEY, KEY, sampleTurn, storedTurn } from './session-samples.js';

/** Takes out all that waits. */
export async function deliverAll(outbox: TurnOutbox): Promise<PendingTurn[]> {
  const delivered: PendingTurn[] = [];
  for await (const entry of outbox.entries()) {
    const pending = entry.pending();
    if (pending) delivered.push(pending);
    await entry.remove();
  }
  return delivered;
}

/** What has waited longest, and goes on waiting. */
export async function firstOf(outbox: TurnOutbox): Promise<OutboxEntry> {
  for await (const entry of outbox.entries()) return entry;
  throw new Error('nothing waits');
}

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
    const waiting = async () => (await outbox.size())?.waiting;
    const delivered = async () => (await deliverAll(outbox)).map(({ turn }) => turn.turn.requestId);

    it('hands every turn out, as it was, oldest first, until it is removed', async () => {
      await put(1, 2, 3);
      expect(await waiting()).toBe(3);
      const seen = await deliverAll(outbox);
      expect(seen.map(({ key }) => key)).toEqual([KEY, KEY, KEY]);
      expect(seen.map(({ turn }) => turn.turn)).toEqual([1, 2, 3].map((n) => sampleTurn(n)));
      expect(seen[0]?.turn.expiresAt).toBe(storedTurn(1).expiresAt);
      expect(await waiting()).toBe(0);
      expect(await delivered()).toEqual([]);
    });

    it('keeps what could not be delivered, and hands it out with the next look', async () => {
      await put(1, 2);
      const looks = [await firstOf(outbox), await firstOf(outbox)];
      expect(looks.map((entry) => entry.pending()?.turn.turn.requestId)).toEqual(['req-1', 'req-1']);
      expect(await delivered()).toEqual(['req-1', 'req-2']);
    });

    it('counts the refusals of an entry, and takes it out of the way', async () => {
      await put(1, 2);
      const entry = await firstOf(outbox);
      expect([await entry.refused(), await entry.refused()]).toEqual([1, 2]);
      expect(await entry.setAside('too large')).toMatch(/kept in|set aside in/);
      expect(await outbox.size()).toEqual({ waiting: 1, setAside: 1 });
      expect(await delivered()).toEqual(['req-2']);
    });

    it('erases the turns of one session', async () => {
      await put(1, 2);
      await outbox.put({ key: FOREIGN_KEY, turn: storedTurn(3) });
      await outbox.erase(KEY);
      expect(await delivered()).toEqual(['req-3']);
    });
  });
}
