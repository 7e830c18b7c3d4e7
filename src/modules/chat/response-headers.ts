import type { ChatExchange } from './chat-exchange.js';

/** Header values are visible ASCII here; model servers may name their models as they like. */
const headerSafe = (value: string): string => value.replace(/[^\x20-\x7e]/g, '?');

/** Milliseconds, scores and dollars with as many digits as mean something; `unit` is how many of the last one make 1. */
const rounded = (value: number, unit: number): string => String(Math.round(value * unit) / unit);

/** The `x-router-*` and rate-limit headers of an answer that has begun (DESIGN section 4). */
export function answerHeaders(exchange: ChatExchange): Record<string, string> {
  const { ask, route, decision, attempts, lookup, overheadMs, lease } = exchange;
  const headers: Record<string, string> = {
    'x-request-id': ask.requestId,
    'x-router-attempts': String(attempts.length),
    'x-router-cache': lookup.result,
    'x-router-overhead-ms': rounded(overheadMs, 1e2),
    ...lease.headers,
  };
  if (route) {
    headers['x-router-target'] = route.target;
    headers['x-router-tier'] = route.tier;
    headers['x-router-model'] = headerSafe(route.model);
    headers['x-router-strategy'] = route.strategy;
    headers['x-router-reason'] = route.reasonCode;
    headers['x-router-fallback'] = String(route.fallback);
    if (route.simulated) headers['x-router-simulated'] = 'true';
  }
  if (typeof decision?.score === 'number') headers['x-router-score'] = rounded(decision.score, 1e4);
  return headers;
}

/** What is known only when a plain answer is complete. */
export function plainHeaders({ costUsd, persisted }: ChatExchange): Record<string, string> {
  return {
    ...(costUsd === null ? {} : { 'x-router-cost-usd': rounded(costUsd, 1e8) }),
    ...(persisted === null ? {} : { 'x-router-persisted': String(persisted) }),
  };
}

export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export const JSON_HEADERS: Readonly<Record<string, string>> = { 'content-type': 'application/json; charset=utf-8' };
