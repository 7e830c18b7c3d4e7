import { NoTargetAvailable } from './app-error.js';
import { retryAfterSeconds } from './retry-after.js';
import type { TargetStatus } from './target.js';

/** Somebody drained the last target: asked again after so long, milliseconds. */
const DRAINED_MS = 30_000;

/** Why nobody asks a target now; `null` = it can be asked. */
export function whyDown({ breaker }: Pick<TargetStatus, 'breaker'>): string | null {
  if (breaker === 'drained') return 'drained';
  return breaker === 'open' ? 'breaker_open' : null;
}

/**
 * What a caller gets where all targets are down. `Retry-After` is when the first of them is probed; one that was drained says nothing about when it comes back.
 *
 * @param random 0 to 1, spreads `Retry-After` so that callers do not come back together
 */
export function unavailable(down: readonly TargetStatus[], random: number): NoTargetAvailable {
  const list = down.map(({ id, breaker }) => `${id} (${breaker === 'drained' ? 'drained' : 'failing'})`).join(', ');
  const waits = down.filter(({ breaker }) => breaker === 'open').map(({ openForMs }) => openForMs);
  const seconds = retryAfterSeconds(waits.length > 0 ? Math.min(...waits) : DRAINED_MS, random);
  return new NoTargetAvailable(`No target can answer at the moment: ${list || 'none is configured'}.`, seconds);
}
