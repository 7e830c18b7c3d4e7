import { BoundedMap } from '../../common/bounded-map.js';
import { sessionName, type SessionKey } from '../../common/session-id.js';

const MAX_COUNTED = 100_000;

/** Which sessions had a turn lately on this replica, for the gauge. At most 100,000, the oldest leave first. */
export class ActiveSessions {
  /** Epoch milliseconds of the latest turn; oldest first, as every turn moves its session to the end. */
  private readonly latestTurn = new BoundedMap<string, number>(MAX_COUNTED);

  sawTurn(key: SessionKey, nowMs: number): void {
    this.latestTurn.set(sessionName(key), nowMs);
  }

  forget(key: SessionKey): void {
    this.latestTurn.delete(sessionName(key));
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
