/** What one look at a store found. */
export interface StoreCheck {
  readonly healthy: boolean;
  /** One line for an operator; names no address. */
  readonly detail: string;
  /** The first attempt to reach it, at the start of the service, has neither succeeded nor failed yet. */
  readonly starting?: boolean;
  /** When it was looked, milliseconds since 1970, and how long that took. */
  readonly at?: number;
  readonly tookMs?: number;
}

/** What a look that took too long found. @param ms its deadline */
export const noAnswerWithin = (ms: number): StoreCheck => ({ healthy: false, detail: `no answer within ${ms} ms` });

/** While a store is reached for the first time; whoever sends requests should wait so long, and no longer. */
export const STARTING: StoreCheck = { healthy: false, detail: 'is being reached for the first time', starting: true };

/** A first attempt that takes longer has failed, for the purpose of readiness; milliseconds. */
export const FIRST_ATTEMPT_MS = 3_000;
