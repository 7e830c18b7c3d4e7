/** So much of the wait is added at random, seconds, that callers do not come back together: at least 2, at most 5. */
const SPREAD = 0.2;
const LEAST_SPREAD_SECONDS = 2;
const MOST_SPREAD_SECONDS = 5;

/**
 * `Retry-After` for a wait: never shorter, and a little longer for some.
 *
 * @param waitMs milliseconds until a call can succeed
 * @param random 0 to 1
 */
export function retryAfterSeconds(waitMs: number, random: number): number {
  const seconds = waitMs / 1000;
  return seconds + random * Math.min(MOST_SPREAD_SECONDS, Math.max(LEAST_SPREAD_SECONDS, seconds * SPREAD));
}
