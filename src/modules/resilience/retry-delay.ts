import { setTimeout as delay } from 'node:timers/promises';

const FIRST_MS = 100;
const LONGEST_MS = 1_000;

/** What a caller may lose by waiting for a target that said when to come back, while another is left, milliseconds. */
export const WORTH_WAITING_MS = 5_000;
/** The same where the time is a guess. */
export const WORTH_GUESSING_MS = 1_500;

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

/** @throws the signal's reason */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}
