import type { SessionKey } from '../../common/session-id.js';
import type { StoredTurn } from './stored-turn.js';

export interface TailReading {
  /** Unexpired turns, oldest first, at most `sessions.maxTurns`. */
  readonly turns: readonly StoredTurn[];
  /** `false`: the turn store may hold more; read it and `fill`. */
  readonly complete: boolean;
  /** Moment of this reading, for `fill`. */
  readonly mark: number;
  /** The session's latest erasure, 0 = none; `null`: this memory does not know of those of other replicas. */
  readonly erasedAt: number | null;
  /** `false`: nothing can be said about the session, as the memory itself is away. */
  readonly usable: boolean;
}

export interface HotTailLimits {
  readonly ttlMs: number;
  /** Turns kept of one session. */
  readonly maxTurns: number;
}

/** `unsure`: kept or not, this memory cannot tell whether the session was erased meanwhile. */
export type Kept = 'kept' | 'erased' | 'unsure';

/**
 * The newest turns of active sessions, fast to read: `sessions.ttlSeconds` after the last append or fill a session is
 * forgotten here. Bounded, so it may forget earlier. Only `erase` and `forget` reject: one that cannot be used reads as incomplete
 * and empty.
 */
export interface HotTail {
  read(key: SessionKey): Promise<TailReading>;

  /**
   * A turn whose session was erased since it began is not kept.
   *
   * @param durable whether the turn store has the turn; one it does not have lives here alone
   */
  append(key: SessionKey, turn: StoredTurn, durable: boolean): Promise<Kept>;

  /**
   * Adds what the turn store held; the session then reads as complete.
   *
   * @param mark of the reading that led to this; when something was erased since, nothing is added, as the turns may
   * be those that were erased
   */
  fill(key: SessionKey, turns: readonly StoredTurn[], mark: number): Promise<void>;

  /**
   * Rejects with `StoreUnavailable` when the turns may still be there.
   *
   * @param at epoch milliseconds
   * @returns the number of this erasure: `at`, or more where the one before had as much
   */
  erase(key: SessionKey, at: number): Promise<number>;

  /**
   * The session is read from the turn store again, and nothing that was read before is added to it: a turn was deleted there.
   * Turns that only this memory has are gone. Rejects with `StoreUnavailable` when they may still be there.
   */
  forget(key: SessionKey): Promise<void>;

  /** Ends what it does behind the requests. */
  close?(): Promise<void>;
}
