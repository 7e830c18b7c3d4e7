import type { ChatExchange } from './chat-exchange.js';
import type { ChatEnd } from './chat-facts.js';

/** Header values are visible ASCII here; model servers may name their models as they like. */
const headerSafe = (value: string): string => value.replace(/[^\x20-\x7e]/g, '?');

/** Milliseconds, scores and dollars with as many digits as mean something; `unit` is how many of the last one make 1. */
const rounded = (value: number, unit: number): string => String(Math.round(value * unit) / unit);

/** Names and values in turn, as Node's `writeHead` takes them without looking at each. */
export type HeaderList = string[];

/** The `x-router-*` and rate-limit headers of an answer that has begun (DESIGN section 4). */
export function answerHeaders({ facts, route, overheadMs }: ChatExchange): HeaderList {
  const { decision, attempts, lookup, lease } = facts;
  const headers: HeaderList = [];
  headers.push('x-router-attempts', String(attempts.all.length));
  headers.push('x-router-cache', lookup.result);
  headers.push('x-router-overhead-ms', rounded(overheadMs, 1e2));
  headers.push('x-router-target', route.target);
  headers.push('x-router-tier', route.tier);
  headers.push('x-router-model', headerSafe(route.model));
  headers.push('x-router-strategy', route.strategy);
  headers.push('x-router-reason', route.reasonCode);
  headers.push('x-router-fallback', String(route.fallback));
  for (const [name, value] of Object.entries(lease.headers)) headers.push(name, value);
  if (route.simulated) headers.push('x-router-simulated', 'true');
  if (typeof decision?.score === 'number') headers.push('x-router-score', rounded(decision.score, 1e4));
  return headers;
}

/** Adds what is known only when a plain answer is complete. */
export function addPlainHeaders(headers: HeaderList, { costUsd, persisted }: ChatEnd): void {
  headers.push('content-type', 'application/json; charset=utf-8');
  if (costUsd !== null) headers.push('x-router-cost-usd', rounded(costUsd, 1e8));
  if (persisted !== null) headers.push('x-router-persisted', String(persisted));
}
