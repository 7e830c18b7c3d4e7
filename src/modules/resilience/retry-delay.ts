const FIRST_MS = 100;
const LONGEST_MS = 1_000;
/** A longer wait than this is worse than another target. */
const WORTH_WAITING_MS = 1_000;

/**
 * Exponential backoff with full jitter, and never earlier than the server asked.
 *
 * @param retry 0 for the first retry
 * @param random 0 to 1
 * @returns milliseconds
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function retryDelayMs(retry: number, retryAfterMs: number | undefined, random: number): number {
  const jittered = random * Math.min(LONGEST_MS, FIRST_MS * 2 ** retry);
  return Math.max(retryAfterMs ?? 0, jittered);
}

/** Whether to wait for the same target although others are left. */
export function worthWaiting(delayMs: number, remainingMs: number, othersLeft: boolean): boolean {
  return delayMs < remainingMs && (!othersLeft || delayMs <= WORTH_WAITING_MS);
}
