import { setTimeout as delay } from 'node:timers/promises';

/** Waits between two tries when the store did not say how long: at most 20, 40, 80, 160 ms, half of it random. */
const BACKOFF_MS = 20;

export interface RetryRules {
  /** Whether the same call can succeed a moment later. */
  readonly transient: (error: Error) => boolean;
  /** What the store asked to wait, milliseconds; 0 = it did not say. */
  readonly retryAfterMs: (error: Error) => number;
  readonly random?: () => number;
}

/**
 * Repeats an idempotent call while the error is transient and the wait fits what is left of its deadline; a wait that
 * does not fit is not begun. `signal` is the deadline.
 *
 * @param deadlineMs from now
 * @throws the last error
 */
export async function retryTransient<T>(
  work: () => Promise<T>,
  { transient, retryAfterMs, random = Math.random }: RetryRules,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !transient(error as Error)) throw error;
      const backoff = BACKOFF_MS * 2 ** attempt * (0.5 + random() / 2);
      const wait = Math.max(retryAfterMs(error as Error), backoff);
      if (performance.now() + wait >= end) throw error;
      await delay(wait, undefined, { signal });
    }
  }
}
