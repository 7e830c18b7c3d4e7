import { cachedTokensOf } from '../../../common/cost.js';
import type { CompletedChat } from '../../chat/chat.messages.js';

/** Whose usage it is, and of what. */
export interface UsageKey {
  /** UTC, `yyyy-mm-dd`: when the request ended. */
  readonly day: string;
  readonly tenant: string;
  readonly user: string;
  /** The name asked for where the configuration knew it, else `other`. */
  readonly model: string;
  /** `none` where no model answered. */
  readonly target: string;
}

/** Sums. Money is counted in whole billionths of a USD, so that any order of adding gives the same sum. */
export interface UsageCounts {
  /** All that ended, failed ones included. */
  requests: number;
  promptTokens: number;
  completionTokens: number;
  /** Tokens of prompts that the provider had in its own cache. */
  cachedTokens: number;
  costNanoUsd: number;
  /** What answers that were not made again had cost. */
  savedNanoUsd: number;
  /** Requests with an answer whose cost is not known; they add nothing to it. */
  unpricedRequests: number;
}

export interface UsageRow extends UsageKey, UsageCounts {}

const NANO_PER_USD = 1e9;
const DAY_MS = 86_400_000;
const DAY_CHARACTERS = 'yyyy-mm-dd'.length;
export const MONTH_CHARACTERS = 'yyyy-mm'.length;

/** No model answered. */
export const NO_TARGET = 'none';

export const NO_COUNTS: Readonly<UsageCounts> = Object.freeze({
  requests: 0,
  promptTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
  costNanoUsd: 0,
  savedNanoUsd: 0,
  unpricedRequests: 0,
});

/** Past this a sum stays what it is: 9 million USD, and far more tokens and requests than a row can see. */
const plus = (a: number, b: number): number => Math.min(a + b, Number.MAX_SAFE_INTEGER);

export function addTo(sum: UsageCounts, more: Readonly<UsageCounts>): void {
  sum.requests = plus(sum.requests, more.requests);
  sum.promptTokens = plus(sum.promptTokens, more.promptTokens);
  sum.completionTokens = plus(sum.completionTokens, more.completionTokens);
  sum.cachedTokens = plus(sum.cachedTokens, more.cachedTokens);
  sum.costNanoUsd = plus(sum.costNanoUsd, more.costNanoUsd);
  sum.savedNanoUsd = plus(sum.savedNanoUsd, more.savedNanoUsd);
  sum.unpricedRequests = plus(sum.unpricedRequests, more.unpricedRequests);
}

/** Whole billionths; what is no amount is 0. */
export const nanoUsd = (usd: number): number =>
  usd > 0 ? Math.min(Math.round(usd * NANO_PER_USD), Number.MAX_SAFE_INTEGER) : 0;

export const usdOf = (nano: number): number => nano / NANO_PER_USD;

let latest = { number: NaN, day: '' };

/** The day (UTC) of a moment, `yyyy-mm-dd`. @param at milliseconds since 1970 */
export function dayOf(at: number): string {
  const number = Math.floor(at / DAY_MS);
  if (number !== latest.number) latest = { number, day: new Date(at).toISOString().slice(0, DAY_CHARACTERS) };
  return latest.day;
}

/** What requests used up: tokens, and USD. */
export interface Spending {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_usd: number;
}

const NOTHING: Spending = Object.freeze({ prompt_tokens: 0, completion_tokens: 0, cost_usd: 0 });

/**
 * What a request really used, as its log line tells. Answers that were made before or for somebody else used nothing; one
 * that was cut, abandoned or that failed late used what was received of it. What is unknown counts nothing.
 */
export function spendingOf({ pays, usage, costUsd }: CompletedChat): Spending {
  if (!pays) return NOTHING;
  return {
    prompt_tokens: usage?.prompt_tokens ?? 0,
    completion_tokens: usage?.completion_tokens ?? 0,
    cost_usd: costUsd ?? 0,
  };
}

/**
 * One request as a row.
 *
 * @param endedAt milliseconds since 1970
 * @param model the name asked for, as it may be shown
 */
export function usageOf(chat: CompletedChat, endedAt: number, model: string, spent: Spending): UsageRow {
  const { caller, route, pays, usage, costUsd, cache } = chat;
  return {
    day: dayOf(endedAt),
    tenant: caller.tenant,
    user: caller.user,
    model,
    target: route?.target ?? NO_TARGET,
    requests: cache.isRenewal ? 0 : 1, // nobody's request, and its tokens are paid all the same
    promptTokens: spent.prompt_tokens,
    completionTokens: spent.completion_tokens,
    cachedTokens: pays && usage ? cachedTokensOf(usage) : 0,
    costNanoUsd: nanoUsd(spent.cost_usd),
    savedNanoUsd: nanoUsd(cache.savedUsd),
    unpricedRequests: pays && usage !== null && costUsd === null ? 1 : 0,
  };
}
