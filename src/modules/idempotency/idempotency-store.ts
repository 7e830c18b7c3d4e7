import { EventEmitter, once } from 'node:events';
import type { SessionKey } from '../../common/session-id.js';

/** A key, and whose it is; both are hashes, so nothing of a caller is in them. */
export interface KeyName {
  readonly user: string;
  readonly name: string;
}

/** An answer as it can be given once more. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whose conversation is in it; `null` = nobody's. */
  readonly session: SessionKey | null;
}

/** `claimed`: it is ours to answer. `running`: somebody else is at it. `other`: the key was used for another request. */
export type Claim =
  | { readonly state: 'claimed' }
  | { readonly state: 'running' }
  | { readonly state: 'other' }
  | { readonly state: 'done'; readonly answer: StoredAnswer };

/** What is kept of one user; the oldest answers leave for new ones. */
export const KEPT_OF_A_USER = { answers: 1_000, bytes: 16_777_216 };

/**
 * What was answered to a key. Every asynchronous method rejects with `StoreUnavailable` while the store cannot be used.
 *
 * `fingerprint` is of the whole request; `owner` is of one try.
 */
export abstract class IdempotencyStore {
  /** The ends of requests, by the names of their keys, for those of this process who wait. */
  private readonly ends = new EventEmitter().setMaxListeners(0);

  /** Takes the key for `leaseMs` unless somebody has it. */
  abstract claim(key: KeyName, fingerprint: string, owner: string, leaseMs: number): Promise<Claim>;

  /** Goes on holding it; `false` when it is no longer ours. */
  abstract renew(key: KeyName, owner: string, leaseMs: number): Promise<boolean>;

  /** Keeps the answer for `keepMs`, or until its user has kept so many newer ones. */
  abstract complete(key: KeyName, owner: string, answer: StoredAnswer, keepMs: number): Promise<void>;

  /** Gives the key back: there is no answer, the next one may try. */
  abstract release(key: KeyName, owner: string): Promise<void>;

  /** Forgets every answer of the session. */
  abstract forgetSession(session: SessionKey): Promise<void>;

  /**
   * Resolves when the key's request may have ended, on whichever replica, answered or not; or when the signal aborts.
   * What ends between two calls is not told, so the key is looked at once more after this is called; word from another
   * replica can be lost.
   */
  async ended({ name }: KeyName, signal: AbortSignal): Promise<void> {
    await once(this.ends, `key:${name}`, { signal }).catch((error: Error) => {
      if (!signal.aborted) throw error;
    });
  }

  /** For the adapters: the key's request has ended. @param name maybe from outside: `error` alone is an event of Node's */
  protected tell(name: string): void {
    this.ends.emit(`key:${name}`);
  }
}
