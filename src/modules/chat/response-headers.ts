import type { ChatExchange } from './chat-exchange.js';
import type { ChatEnd } from './chat-facts.js';

/** Header values are visible ASCII here; model servers may name their models as they like. */
const headerSafe = (value: string): string => value.replace(/[^\x20-\x7e]/g, '?');

/** Milliseconds, scores and dollars with as many digits as mean something; `unit` is how many of the last one make 1. */
const rounded = (value: number, unit: number): string => String(Math.round(value * unit) / unit);

/** The `x-router-*` and rate-limit headers of an answer that has begun (DESIGN section 4). */
export function answerHeaders(exchange: ChatExchange): Record<string, string> {
  const { facts, route, overheadMs } = exchange;
  const { ask, decision, attempts, lookup, lease } = facts;
  const headers: Record<string, string> = {
    'x-request-id': ask.requestId,
    'x-router-attempts': String(attempts.all.length),
    'x-router-cache': lookup.result,
    'x-router-overhead-ms': rounded(overheadMs, 1e2),
    ...lease.headers,
  };
  headers['x-router-target'] = route.target;
  headers['x-router-tier'] = route.tier;
  headers['x-router-model'] = headerSafe(route.model);
  headers['x-router-strategy'] = route.strategy;
  headers['x-router-reason'] = route.reasonCode;
  headers['x-router-fallback'] = String(route.fallback);
  if (route.simulated) headers['x-router-simulated'] = 'true';
  if (typeof decision?.score === 'number') headers['x-router-score'] = rounded(decision.score, 1e4);
  return headers;
}

/** What is known only when a plain answer is complete. */
export function plainHeaders({ costUsd, persisted }: ChatEnd): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
  if (costUsd !== null) headers['x-router-cost-usd'] = rounded(costUsd, 1e8);
  if (persisted !== null) headers['x-router-persisted'] = String(persisted);
  return headers;
}
