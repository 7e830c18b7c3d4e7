import type { StoreCheck } from '../../common/store-check.js';
import type { SessionKey } from '../../common/session-id.js';
import type { StoredTurn } from './stored-turn.js';

export interface TurnPage {
  /** Newest first. Rows that cannot be read are left out, so a page may be short without being the last. */
  readonly turns: readonly StoredTurn[];
  /** Hand in as `before` for the page of older turns; `null` when there is none. */
  readonly next: string | null;
}

/** Sorts after every ULID, which has only digits and letters: `before` for the newest page. */
export const AFTER_ALL_IDS = '~';

/** How long a mark of an erasure is kept, milliseconds: longer than any outbox can lag behind. */
export const ERASURE_MARK_MS = 7 * 86_400_000;

/** Where turns are safe. Every method rejects with `StoreUnavailable` while the store cannot be used. */
export interface TurnStore {
  /** Whether `append` itself finds out that the session was erased meanwhile. */
  readonly refusesErased: boolean;

  /**
   * Idempotent by turn id. Resolves once a crash of this process cannot lose the turn, or to `false` where its session was
   * erased since it began; only one that `refusesErased` finds that out.
   */
  append(key: SessionKey, turn: StoredTurn): Promise<boolean>;

  /** Deletes one turn; one that is not there is fine. */
  remove(key: SessionKey, id: string): Promise<void>;

  /**
   * At most `limit` unexpired turns with an id below `before` (`null` = from the newest).
   *
   * @param lastResortMs how long to wait where no other store can answer: this one is then asked even while it is taken
   * for away
   */
  newest(key: SessionKey, limit: number, before: string | null, lastResortMs?: number): Promise<TurnPage>;

  /**
   * Deletes all turns of the session; resolves to whether there were any. Leaves a mark for 7 days, so that a turn which
   * still waits in some outbox is not stored afterwards; a mark never goes back.
   *
   * @param at epoch milliseconds
   */
  erase(key: SessionKey, at: number): Promise<boolean>;

  /** When the session was last erased, epoch milliseconds; `null` = never, or too long ago to matter. */
  erasedAt(key: SessionKey): Promise<number | null>;

  /** Whether a turn could be stored now. Never rejects; `detail` is one line for an operator. */
  check(): Promise<StoreCheck>;
}
