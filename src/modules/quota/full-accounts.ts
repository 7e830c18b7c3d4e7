import type { Accounts } from '../../common/accounts.js';
import { BoundedMap } from '../../common/bounded-map.js';
import type { CallerLimits } from '../../common/caller.js';
import { refuseOverLimit, type Counted } from './quota-verdict.js';
import type { WindowState } from './sliding-window.js';

const MOST = 10_000;

interface FullAccount {
  readonly counted: Counted;
  readonly since: number;
}

/**
 * Accounts whose requests were said to be used up: that stays true until there is room, as no request is ever given back. A
 * flood is turned away with it, and nobody else is asked. Times are milliseconds of one clock, which may be set.
 */
export class FullAccounts {
  /** By the key of the account. */
  private readonly known = new BoundedMap<string, FullAccount>(MOST);

  note(key: string, counted: Counted, now: number): void {
    const before = this.known.get(key);
    // of a reservation more is known than of a request that was only counted
    const saysLess =
      before !== undefined && isOf(before.counted, counted.limits) && !isOf(counted, before.counted.limits);
    if (!saysLess) this.known.set(key, { counted, since: now });
  }

  /** @throws RateLimitExceeded */
  refuse(accounts: Accounts, now: number): void {
    if (this.known.size === 0) return;
    const full: Counted[] = [];
    for (const { key, limits } of accounts) {
      const known = this.known.get(key);
      if (!known || !isOf(known.counted, limits)) continue;
      const ms = now - known.since;
      const counted = afterMs(known.counted, limits, ms);
      // a clock that was set back would prolong it
      if (ms >= 0 && counted.state.requests.fitsInMs > 0) full.push(counted);
      else this.known.delete(key);
    }
    if (full.length > 0) refuseOverLimit(now, full);
  }
}

/** Whether it was looked at under these limits, or under more. */
const isOf = (counted: Counted, { requestsPerMinute, tokensPerMinute }: CallerLimits): boolean =>
  counted.limits.requestsPerMinute === requestsPerMinute &&
  (tokensPerMinute === undefined || counted.limits.tokensPerMinute === tokensPerMinute);

/** Only its requests are sure: tokens, slots and money may have come back, so what else was full is told and refuses nobody. */
function afterMs({ owner, state }: Counted, { requestsPerMinute, tokensPerMinute }: CallerLimits, ms: number): Counted {
  const rates = { ...(requestsPerMinute && { requestsPerMinute }), ...(tokensPerMinute && { tokensPerMinute }) };
  const tokens = { ...later(state.tokens, ms), fitsInMs: 0 };
  return { owner, limits: rates, state: { ...state, requests: later(state.requests, ms), tokens } };
}

const later = ({ used, emptyInMs, fitsInMs }: WindowState, ms: number): WindowState => ({
  used: emptyInMs > ms ? used : 0,
  emptyInMs: Math.max(0, emptyInMs - ms),
  fitsInMs: Math.max(0, fitsInMs - ms),
});
