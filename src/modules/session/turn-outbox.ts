import type { SessionKey } from '../../common/session-id.js';
import type { StoredTurn } from './stored-turn.js';

/** A turn on its way to the turn store. */
export interface PendingTurn {
  readonly key: SessionKey;
  readonly turn: StoredTurn;
}

/** What was refused so often is set aside, with one line in the log: it blocks nothing and nobody. */
export const MOST_TRIES = 5;

/** One turn that waits, in its place. The asynchronous methods reject with `StoreUnavailable` while the place is away. */
export interface OutboxEntry {
  /** No other entry of any outbox has it. */
  readonly id: string;
  /** `null` when it was taken away meanwhile. @throws Error when it cannot be read */
  pending(): PendingTurn | null;
  remove(): Promise<void>;
  /** Counts a refusal. @returns how many there were by now, of all replicas */
  refused(): Promise<number>;
  /** Takes it out of the way, for an operator to look at. @returns where it is now, in words for the log */
  setAside(why: string): Promise<string>;
}

/** Turns in an outbox. */
export interface OutboxSize {
  readonly waiting: number;
  /** What no store took. */
  readonly setAside: number;
}

/**
 * Where turns wait while the turn store is away; `OutboxDrain` brings them there. A turn may be delivered more than once
 * (a replica died between delivery and removal), so delivery has to be idempotent.
 */
export interface TurnOutbox {
  /**
   * Rejects with `StoreUnavailable` when the turn could not be taken.
   *
   * @returns whether a crash of this process cannot lose the turn
   */
  put(pending: PendingTurn): Promise<boolean>;

  /**
   * What waits, the oldest first; an entry that is not removed comes again with the next call. Ends with
   * `StoreUnavailable` when the outbox is away.
   */
  entries(): AsyncIterable<OutboxEntry>;

  /** Removes the turns of a session. Rejects with `StoreUnavailable` when they may still be there. */
  erase(key: SessionKey): Promise<void>;

  /** `null` when that cannot be known. */
  size(): Promise<OutboxSize | null>;
}
