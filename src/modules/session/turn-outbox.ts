import type { SessionKey, StoredTurn } from './stored-turn.js';

/** A turn on its way to the turn store. */
export interface PendingTurn {
  readonly key: SessionKey;
  readonly turn: StoredTurn;
}

/** Puts a pending turn in its place; rejects with `StoreUnavailable` when the place is away. */
export type Deliver = (pending: PendingTurn) => Promise<void>;

/**
 * Where turns wait while the turn store is away. A turn may be delivered more than once (a replica died between
 * delivery and removal), so delivery has to be idempotent.
 */
export abstract class TurnOutbox {
  /**
   * Rejects with `StoreUnavailable` when the turn could not be taken.
   *
   * @returns whether a crash of this process cannot lose the turn
   */
  abstract put(pending: PendingTurn): Promise<boolean>;

  /**
   * Delivers what waits, oldest first, until nothing does or a delivery fails with `StoreUnavailable`. A turn that fails
   * otherwise is logged and stays, behind the others.
   *
   * @returns how many were delivered
   */
  abstract drain(deliver: Deliver): Promise<number>;

  /** Removes the turns of a session. Rejects with `StoreUnavailable` when they may still be there. */
  abstract erase(key: SessionKey): Promise<void>;

  /** How many turns wait; `null` when that cannot be known. */
  abstract depth(): Promise<number | null>;
}
