/** How far the clocks of two replicas may be apart, milliseconds. */
export const CLOCK_SLACK_MS = 60_000;

/**
 * When a request began to work on a session. An erasure is a number that grows with each one of the session and is
 * about its time, epoch milliseconds; so an erasure that came after the beginning is known by its number, whatever the
 * clocks say.
 */
export interface Beginning {
  /** Epoch milliseconds, by the clock of the replica. */
  readonly at: number;
  /** The latest erasure at that moment, 0 = none; `null` = nobody could tell. */
  readonly erasedBefore: number | null;
}

/**
 * Whether the session was erased while the request ran: nothing of it may come back then. A number that is larger and
 * long past is one that the store asked at the beginning had lost.
 *
 * @param erasedAt the latest erasure; `null` = none
 */
export function erasedSince(began: Beginning | undefined, erasedAt: number | null): boolean {
  if (!began || erasedAt === null) return false;
  const { at, erasedBefore } = began;
  if (erasedBefore === null) return erasedAt >= at;
  return erasedAt > erasedBefore && erasedAt > at - CLOCK_SLACK_MS;
}
