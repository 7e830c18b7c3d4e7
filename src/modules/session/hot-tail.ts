import type { SessionKey, StoredTurn } from './stored-turn.js';

export interface TailReading {
  /** Unexpired turns, oldest first, at most `sessions.maxTurns`. */
  readonly turns: readonly StoredTurn[];
  /** `false`: the turn store may hold more; read it and `fill`. */
  readonly complete: boolean;
  /** Moment of this reading, for `fill`. */
  readonly mark: number;
  /** `false`: nothing can be said about the session, as the memory itself is away. */
  readonly usable: boolean;
}

/**
 * The newest turns of active sessions, fast to read: `sessions.ttlSeconds` after the last append or fill a session is
 * forgotten here. Bounded, so it may forget earlier. Only `erase` rejects: one that cannot be used reads as incomplete
 * and empty.
 */
export abstract class HotTail {
  abstract read(key: SessionKey): Promise<TailReading>;

  /** @param durable whether the turn store has the turn; one it does not have lives here alone */
  abstract append(key: SessionKey, turn: StoredTurn, durable: boolean): Promise<void>;

  /**
   * Adds what the turn store held; the session then reads as complete.
   *
   * @param mark of the reading that led to this; when something was erased since, nothing is added, as the turns may
   * be those that were erased
   */
  abstract fill(key: SessionKey, turns: readonly StoredTurn[], mark: number): Promise<void>;

  /** Rejects with `StoreUnavailable` when the turns may still be there. */
  abstract erase(key: SessionKey): Promise<void>;
}
