import type { SessionKey } from '../../common/session-id.js';
import type { StoredTurn } from './stored-turn.js';

/** A turn on its way to the turn store. */
export interface PendingTurn {
  readonly key: SessionKey;
  readonly turn: StoredTurn;
}

/** The place is well and does not take this entry. */
export class EntryRefused extends Error {}

/** The place refused the entry, and nobody knows yet whether it would take another one. */
export class EntryDeferred extends Error {}

/** An entry that was refused so often is set aside. */
export const MOST_TRIES = 5;

/**
 * Puts a pending turn in its place; rejects with `StoreUnavailable` when the place is away, with `EntryRefused` or
 * `EntryDeferred` when it is the entry.
 */
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
   * otherwise stays behind the others and is tried again after growing gaps; after the fifth refusal it is set aside,
   * with one line in the log, and blocks nothing and nobody.
   *
   * @returns how many were delivered
   */
  abstract drain(deliver: Deliver): Promise<number>;

  /** Removes the turns of a session. Rejects with `StoreUnavailable` when they may still be there. */
  abstract erase(key: SessionKey): Promise<void>;

  /** How many turns wait; `null` when that cannot be known. */
  abstract depth(): Promise<number | null>;

  /** How many turns are set aside; `null` when that cannot be known. */
  abstract setAside(): Promise<number | null>;
}
