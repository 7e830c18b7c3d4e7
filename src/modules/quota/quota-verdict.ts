import { BudgetExceeded, RateLimitExceeded } from '../../common/app-error.js';
import type { CallerLimits } from '../../common/caller.js';
import { nextMonth } from './monthly-spend.js';
import type { WindowState } from './sliding-window.js';

/** When a slot, or reserved money, comes free is unknown; calls take seconds. */
const RETRY_SOON_MS = 1000;
const MS_PER_SECOND = 1000;
const SECONDS_PER_MINUTE = 60;
/** Sums of USD are sums of fractions: less than this is nothing. */
const NO_USD = 5e-10;

/** What a user uses at one moment, in the eyes of one request. A window without a limit is empty. */
export interface QuotaState {
  readonly requests: WindowState;
  readonly tokens: WindowState;
  readonly inFlight: number;
  readonly spentUsd: number;
  /** By the requests in flight; 0 for a request that costs nothing. */
  readonly reservedUsd: number;
}

/**
 * What one of `replicas` may let in by itself; money: a share of what was left when the spend of all was last known. Every
 * replica lets in one at least.
 */
export function shareOf(limits: CallerLimits, replicas: number, knownUsd: number): CallerLimits {
  const shares: [keyof CallerLimits, number][] = [];
  for (const name of ['requestsPerMinute', 'tokensPerMinute', 'concurrent'] as const) {
    const limit = limits[name];
    if (limit !== undefined) shares.push([name, Math.max(1, Math.floor(limit / replicas))]);
  }
  const { usdPerMonth } = limits;
  if (usdPerMonth !== undefined) shares.push(['usdPerMonth', Math.max(0, usdPerMonth - knownUsd) / replicas]);
  return Object.fromEntries(shares);
}

/** `6s`, `1m0s`: how OpenAI writes a time span, rounded up to whole seconds. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / MS_PER_SECOND));
  const rest = `${seconds % SECONDS_PER_MINUTE}s`;
  return seconds < SECONDS_PER_MINUTE ? rest : `${Math.floor(seconds / SECONDS_PER_MINUTE)}m${rest}`;
}

/**
 * `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` as OpenAI documents them; a limit that does not exist has no
 * header. `reset` is when the limit is back in its initial state.
 *
 * @see https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 */
export function rateLimitHeaders(
  limits: CallerLimits,
  state: Pick<QuotaState, 'requests' | 'tokens'>,
): Record<string, string> {
  const { requestsPerMinute, tokensPerMinute } = limits;
  const { requests, tokens } = state;
  const headers: Record<string, string> = {};
  if (requestsPerMinute !== undefined) {
    headers['x-ratelimit-limit-requests'] = String(requestsPerMinute);
    headers['x-ratelimit-remaining-requests'] = String(Math.max(0, requestsPerMinute - requests.used));
    headers['x-ratelimit-reset-requests'] = duration(requests.emptyInMs);
  }
  if (tokensPerMinute !== undefined) {
    headers['x-ratelimit-limit-tokens'] = String(tokensPerMinute);
    headers['x-ratelimit-remaining-tokens'] = String(Math.max(0, tokensPerMinute - tokens.used));
    headers['x-ratelimit-reset-tokens'] = duration(tokens.emptyInMs);
  }
  return headers;
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
  const slotMs = concurrent !== undefined && state.inFlight >= concurrent ? RETRY_SOON_MS : 0;
  if (slotMs === 0 && state.requests.fitsInMs === 0 && state.tokens.fitsInMs === 0) return;
  const waits = [
    { ms: slotMs, limit: `${concurrent} requests at a time` },
    { ms: state.requests.fitsInMs, limit: `${requestsPerMinute} requests per minute` },
    { ms: state.tokens.fitsInMs, limit: `${tokensPerMinute} tokens per minute` },
  ];
  const { ms, limit } = waits.reduce((longest, wait) => (wait.ms > longest.ms ? wait : longest));
  const seconds = Math.ceil(ms / MS_PER_SECOND);
  const message = `The limit of ${limit} is reached. Try again in ${seconds} s.${remark}`;
  throw new RateLimitExceeded(message, seconds, rateLimitHeaders(limits, state));
}

function refuseOverBudget(now: number, limits: CallerLimits, state: QuotaState, remark: string): void {
  const { usdPerMonth } = limits;
  const { spentUsd, reservedUsd } = state;
  if (usdPerMonth === undefined || usdPerMonth - spentUsd - reservedUsd > NO_USD) return;
  const headers = rateLimitHeaders(limits, state);
  if (usdPerMonth - spentUsd <= NO_USD) {
    const message = `The budget of ${usdPerMonth} USD for this month (UTC) is used up.${remark}`;
    // SDKs would wait for the next month
    throw new BudgetExceeded(message, (nextMonth(now) - now) / MS_PER_SECOND, headers).final();
  }
  const message = `The rest of this month's budget of ${usdPerMonth} USD is reserved by requests in flight. Try again in 1 s.${remark}`;
  throw new BudgetExceeded(message, RETRY_SOON_MS / MS_PER_SECOND, headers);
}
