import type { SessionKey } from './stored-turn.js';

const MAX_COUNTED = 100_000;

/** Which sessions had a turn lately on this replica, for the gauge. At most 100,000, the oldest leave first. */
export class ActiveSessions {
  /** Epoch milliseconds of the latest turn; oldest first, as every turn moves its session to the end. */
  private readonly latestTurn = new Map<string, number>();

  sawTurn({ tenant, sessionId }: SessionKey, nowMs: number): void {
    const name = `${tenant}\0${sessionId}`;
    this.latestTurn.delete(name);
    this.latestTurn.set(name, nowMs);
    if (this.latestTurn.size > MAX_COUNTED) this.latestTurn.delete(this.latestTurn.keys().next().value!);
  }

  forget({ tenant, sessionId }: SessionKey): void {
    this.latestTurn.delete(`${tenant}\0${sessionId}`);
  }

  /** Sessions whose latest turn is at most `withinMs` old. */
  count(nowMs: number, withinMs: number): number {
    for (const [name, at] of this.latestTurn) {
      if (at >= nowMs - withinMs) break;
      this.latestTurn.delete(name);
    }
    return this.latestTurn.size;
  }
}
