import type { DrainMark } from './drained-targets.js';

/** Where marks of drained targets survive a restart. Every method rejects with `StoreUnavailable` while it is away. */
export interface DrainStore {
  /** Keeps the mark unless it has a later one of the target. */
  post(target: string, mark: DrainMark): Promise<void>;

  /** Marks by target. @param targets of interest; it may bring others too */
  read(targets: readonly string[]): Promise<ReadonlyMap<string, DrainMark>>;
}
