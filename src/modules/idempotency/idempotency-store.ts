export interface SessionName {
  readonly tenant: string;
  readonly sessionId: string;
}

/** An answer as it can be given once more. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whose conversation is in it; `null` = nobody's. */
  readonly session: SessionName | null;
}

/** `begun`: it is ours to answer. `running`: somebody else is at it. `other`: the key was used for another request. */
export type Claim =
  | { readonly state: 'begun' }
  | { readonly state: 'running' }
  | { readonly state: 'other' }
  | { readonly state: 'done'; readonly answer: StoredAnswer };

/**
 * What was answered to a key. Every method rejects with `StoreUnavailable` while the store cannot be used.
 *
 * `name` says whose key it is; `fingerprint` is of the whole request; `owner` is of one try.
 */
export abstract class IdempotencyStore {
  /** Takes the key for `leaseMs` unless somebody has it. */
  abstract claim(name: string, fingerprint: string, owner: string, leaseMs: number): Promise<Claim>;

  /** Goes on holding it; `false` when it is no longer ours. */
  abstract renew(name: string, owner: string, leaseMs: number): Promise<boolean>;

  /** Keeps the answer for `keepMs`. */
  abstract complete(name: string, owner: string, answer: StoredAnswer, keepMs: number): Promise<void>;

  /** Gives the key back: there is no answer, the next one may try. */
  abstract release(name: string, owner: string): Promise<void>;

  /** Forgets every answer of the session. */
  abstract forgetSession(session: SessionName): Promise<void>;
}
