const FIRST_MS = 2_000;
const EARLY_JITTER = 0.25;
/** Of `resilience.breaker.resetSeconds`: 20 to 26 s of a minute, so that nobody is away for 30 s after the recovery. */
const STEADY_SHARE = 1 / 3;
const STEADY_JITTER = 0.1;

/**
 * How long an open circuit waits until the next probe: about 2, 4, 8, 16 s, then a third of the reset time and a little
 * more. A short outage costs seconds, a long one few probes; replicas that opened together do not probe together.
 *
 * @param failedProbes since it opened
 * @param random 0 to 1
 * @returns milliseconds
 */
export function probeDelayMs(failedProbes: number, resetSeconds: number, random: number): number {
  const early = FIRST_MS * 2 ** Math.min(failedProbes, 16) * (1 + EARLY_JITTER * random);
  return Math.min(early, resetSeconds * 1000 * (STEADY_SHARE + STEADY_JITTER * random));
}
