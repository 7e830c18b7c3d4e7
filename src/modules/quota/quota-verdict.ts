import { BudgetExceeded, RateLimitExceeded } from '../../common/app-error.js';
import type { CallerLimits } from '../../common/caller.js';
import { nextMonth } from './monthly-spend.js';
import type { RateLimitHeaders } from './quota-ledger.js';
import { rateLimitHeaders } from './rate-limit-headers.js';

/** When a slot, or reserved money, comes free is unknown; calls take seconds. */
const RETRY_SOON_MS = 1000;
const MS_PER_SECOND = 1000;
/** Sums of USD are sums of fractions: less than this is nothing. */
const NO_USD = 5e-10;

/** How much of a limit per minute is used. Durations are milliseconds. */
export interface WindowState {
  readonly used: number;
  /** Until nothing is used any more. */
  readonly emptyInMs: number;
  /** Until what is asked for fits; 0 = it fits now. */
  readonly fitsInMs: number;
}

/** What a user uses at one moment, in the eyes of one request. */
export interface QuotaState {
  readonly requests: WindowState;
  readonly tokens: WindowState;
  readonly inFlight: number;
  readonly spentUsd: number;
  /** By the requests in flight; 0 for a request that costs nothing. */
  readonly reservedUsd: number;
}

/** What is left of the limits that exist. */
export function headersFor(limits: CallerLimits, { requests, tokens }: QuotaState): RateLimitHeaders {
  const { requestsPerMinute, tokensPerMinute } = limits;
  return rateLimitHeaders(
    requestsPerMinute === undefined ? null : { limit: requestsPerMinute, ...requests },
    tokensPerMinute === undefined ? null : { limit: tokensPerMinute, ...tokens },
  );
}

/**
 * Refuses a request that does not fit: money first, then the limit that takes longest to free.
 *
 * @param now milliseconds since 1970
 * @param remark ends the message
 * @throws RateLimitExceeded, BudgetExceeded
 */
export function refuseOverLimit(now: number, limits: CallerLimits, state: QuotaState, remark = ''): void {
  refuseOverBudget(now, limits, state, remark);
  const { requestsPerMinute, tokensPerMinute, concurrent } = limits;
  let wait = { ms: 0, limit: '' };
  const mustWait = (ms: number, limit: string) => {
    if (ms > wait.ms) wait = { ms, limit };
  };
  if (concurrent !== undefined && state.inFlight >= concurrent) {
    mustWait(RETRY_SOON_MS, `${concurrent} requests at a time`);
  }
  if (requestsPerMinute !== undefined) mustWait(state.requests.fitsInMs, `${requestsPerMinute} requests per minute`);
  if (tokensPerMinute !== undefined) mustWait(state.tokens.fitsInMs, `${tokensPerMinute} tokens per minute`);
  if (wait.ms === 0) return;
  const seconds = Math.ceil(wait.ms / MS_PER_SECOND);
  const message = `The limit of ${wait.limit} is reached. Try again in ${seconds} s.${remark}`;
  throw new RateLimitExceeded(message, seconds, { ...headersFor(limits, state) });
}

function refuseOverBudget(now: number, limits: CallerLimits, state: QuotaState, remark: string): void {
  const { usdPerMonth } = limits;
  const { spentUsd, reservedUsd } = state;
  if (usdPerMonth === undefined || usdPerMonth - spentUsd - reservedUsd > NO_USD) return;
  const headers = { ...headersFor(limits, state) };
  if (usdPerMonth - spentUsd <= NO_USD) {
    const message = `The budget of ${usdPerMonth} USD for this month (UTC) is used up.${remark}`;
    throw new BudgetExceeded(message, (nextMonth(now) - now) / MS_PER_SECOND, headers);
  }
  const message = `The rest of this month's budget of ${usdPerMonth} USD is reserved by requests in flight. Try again in 1 s.${remark}`;
  throw new BudgetExceeded(message, RETRY_SOON_MS / MS_PER_SECOND, headers, true);
}
