import type { Account, AccountOwner } from '../../common/accounts.js';
import { BudgetExceeded, RateLimitExceeded } from '../../common/app-error.js';
import type { CallerLimits } from '../../common/caller.js';
import { nextMonth } from './monthly-spend.js';
import type { RefusedLimit } from './quota.messages.js';
import { because } from './refusals.js';
import type { WindowState } from './sliding-window.js';

/** When a slot, or reserved money, comes free is unknown; calls take seconds. */
const RETRY_SOON_MS = 1000;
const MS_PER_SECOND = 1000;
const SECONDS_PER_MINUTE = 60;
/** Sums of USD are sums of fractions: less than this is nothing. */
const NO_USD = 5e-10;

/** What an account uses at one moment, in the eyes of one request. A window without a limit is empty. */
export interface QuotaState {
  readonly requests: WindowState;
  readonly tokens: WindowState;
  readonly inFlight: number;
  readonly spentUsd: number;
  /** By the requests in flight; 0 for a request that costs nothing. */
  readonly reservedUsd: number;
}

/** An account, and what it uses. */
export interface Counted extends Pick<Account, 'owner' | 'limits'> {
  readonly state: QuotaState;
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

/** What is told of one limit. */
interface Shown {
  readonly limit: number;
  readonly remaining: number;
  readonly window: WindowState;
}

/** The limit of which least is left. */
function tightest(all: readonly Counted[], what: 'requests' | 'tokens'): Shown | null {
  const name = what === 'requests' ? 'requestsPerMinute' : 'tokensPerMinute';
  let found: Shown | null = null;
  for (const { limits, state } of all) {
    const limit = limits[name];
    if (limit === undefined) continue;
    const window = state[what];
    const remaining = Math.max(0, limit - window.used);
    if (!found || remaining < found.remaining) found = { limit, remaining, window };
  }
  return found;
}

/**
 * `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` as OpenAI documents them, of the account where least is left; a
 * limit that does not exist has no header. `reset` is when the limit is back in its initial state.
 *
 * @see https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 */
export function rateLimitHeaders(all: readonly Counted[]): Record<string, string> {
  const headers: Record<string, string> = {};
  const requests = tightest(all, 'requests');
  if (requests) {
    headers['x-ratelimit-limit-requests'] = String(requests.limit);
    headers['x-ratelimit-remaining-requests'] = String(requests.remaining);
    headers['x-ratelimit-reset-requests'] = duration(requests.window.emptyInMs);
  }
  const tokens = tightest(all, 'tokens');
  if (tokens) {
    headers['x-ratelimit-limit-tokens'] = String(tokens.limit);
    headers['x-ratelimit-remaining-tokens'] = String(tokens.remaining);
    headers['x-ratelimit-reset-tokens'] = duration(tokens.window.emptyInMs);
  }
  return headers;
}

/**
 * Refuses a request that does not fit into every account: money first, then the limit that takes longest to free.
 *
 * @param now milliseconds since 1970
 * @param remark ends the message
 * @throws RateLimitExceeded, BudgetExceeded
 */
export function refuseOverLimit(now: number, all: readonly Counted[], remark = ''): void {
  refuseOverBudget(now, all, remark);
  let longest: Wait | null = null;
  for (const { owner, limits, state } of all) {
    const { requests, tokens, inFlight } = state;
    const isBusy = limits.concurrent !== undefined && inFlight >= limits.concurrent;
    if (!isBusy && requests.fitsInMs === 0 && tokens.fitsInMs === 0) continue;
    const waits: Wait[] = [
      { owner, limit: 'concurrent', ms: isBusy ? RETRY_SOON_MS : 0, words: `${limits.concurrent} requests at a time` },
      { owner, limit: 'requests', ms: requests.fitsInMs, words: `${limits.requestsPerMinute} requests per minute` },
      { owner, limit: 'tokens', ms: tokens.fitsInMs, words: `${limits.tokensPerMinute} tokens per minute` },
    ];
    for (const wait of waits) if (wait.ms > (longest?.ms ?? 0)) longest = wait;
  }
  if (longest) throw because(tooMany(longest, all, remark), longest);
}

/** How long a limit has no room. */
interface Wait {
  readonly owner: AccountOwner;
  readonly limit: RefusedLimit;
  readonly ms: number;
  /** What it is, in words. */
  readonly words: string;
}

function tooMany({ owner, ms, words }: Wait, all: readonly Counted[], remark: string): RateLimitExceeded {
  const seconds = Math.ceil(ms / MS_PER_SECOND);
  const message = `The limit of ${words}${ofWhom(owner)} is reached. Try again in ${seconds} s.${remark}`;
  return new RateLimitExceeded(message, seconds, rateLimitHeaders(all));
}

/** What says of a limit that it is not the caller's own; model names are those of the configuration. */
const ofWhom = ({ user, model }: AccountOwner): string => {
  if (user === null) return ' for your tenant as a whole';
  return model === null ? '' : ` for model "${model}"`;
};

function refuseOverBudget(now: number, all: readonly Counted[], remark: string): void {
  let reserved: Counted | null = null;
  for (const account of all) {
    const { usdPerMonth } = account.limits;
    const { spentUsd, reservedUsd } = account.state;
    if (usdPerMonth === undefined || usdPerMonth - spentUsd - reservedUsd > NO_USD) continue;
    if (usdPerMonth - spentUsd <= NO_USD) {
      const message = `The budget of ${usdPerMonth} USD for this month (UTC)${ofWhom(account.owner)} is used up.${remark}`;
      // SDKs would wait for the next month
      const error = new BudgetExceeded(message, (nextMonth(now) - now) / MS_PER_SECOND, rateLimitHeaders(all));
      throw because(error.final(), { owner: account.owner, limit: 'money' });
    }
    reserved ??= account;
  }
  if (!reserved) return;
  const { owner, limits } = reserved;
  const message = `The rest of this month's budget of ${limits.usdPerMonth} USD${ofWhom(owner)} is reserved by requests in flight. Try again in 1 s.${remark}`;
  const error = new BudgetExceeded(message, RETRY_SOON_MS / MS_PER_SECOND, rateLimitHeaders(all));
  throw because(error, { owner, limit: 'money' });
}
