/** Where replicas say that they run. Every method rejects with `StoreUnavailable` while the place cannot be used. */
export abstract class ReplicaBoard {
  /**
   * Says that a replica runs; that counts for `forMs` from now.
   *
   * @returns how many have said so, this one included
   */
  abstract announce(replica: string, forMs: number): Promise<number>;

  /** Takes the word of a replica back. */
  abstract leave(replica: string): Promise<void>;
}
