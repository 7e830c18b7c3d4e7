const FIRST_MS = 100;
const LONGEST_MS = 1_000;

/**
 * Exponential backoff with full jitter for a failure that says nothing about when to come back; what a target asked for is
 * kept by `TargetRest`.
 *
 * @param retry 0 for the first retry
 * @param random 0 to 1
 * @returns milliseconds
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function retryDelayMs(retry: number, random: number): number {
  return random * Math.min(LONGEST_MS, FIRST_MS * 2 ** retry);
}
