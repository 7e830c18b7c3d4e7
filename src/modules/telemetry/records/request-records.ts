/** A record on its way to the store. */
export interface RecordEntry {
  /** See `ownerDigest`. */
  readonly owner: string;
  readonly requestId: string;
  /** JSON, see `recordText`. */
  readonly text: string;
}

/** What is written together, all or nothing. */
export interface RecordBatch {
  /** Of this replica, as long as it lives. */
  readonly writer: string;
  /** Rises; a batch that is told again, because its reply was lost, is not written again. */
  readonly number: number;
  /** Oldest first, at most 128. */
  readonly entries: readonly RecordEntry[];
  /** How many records are kept, those of all replicas together. */
  readonly keep: number;
}

/** A record in the store. */
export interface KeptRecord {
  /** Its place among the others: larger places are newer. */
  readonly place: string;
  readonly text: string;
  /** JSON of what its user said of the answer. */
  readonly feedback: string | null;
}

export const MOST_ENTRIES_OF_BATCH = 128;

/** The latest records of all replicas. Every method rejects with `StoreUnavailable` while the store cannot be used. */
export abstract class RequestRecords {
  /** Keeps exactly the newest `keep` afterwards. */
  abstract add(batch: RecordBatch): Promise<void>;
  /** The newest of this owner with this id, or whatever its id (`null`). Looks at no other record. */
  abstract find(owner: string, requestId: string | null): Promise<KeptRecord | null>;
  /** Newest first, of all owners. @param after the place of the last one of the page before */
  abstract page(after: string | null, count: number): Promise<KeptRecord[]>;
  /** Replaces the feedback of a record; `false` when it is not kept any more. */
  abstract judge(place: string, feedback: string): Promise<boolean>;
}
