import type { Tier } from '../target.js';
import type { HeaderList } from './answer-writer.js';

/** Header values are visible ASCII here; model servers may name their models as they like. */
const headerSafe = (value: string): string => value.replace(/[^\x20-\x7e]/g, '?');

/** Milliseconds, scores and dollars, not negative, with as many digits as mean something. */
function rounded(value: number, digits: number): string {
  const unit = 10 ** digits;
  const all = Math.round(value * unit);
  const whole = String(Math.trunc(all / unit));
  let fraction = all % unit;
  if (fraction === 0) return whole;
  let left = digits;
  for (; fraction % 10 === 0; left -= 1) fraction /= 10;
  return `${whole}.${String(fraction).padStart(left, '0')}`; // `String` of a fraction takes ten times as long
}

/** Who answered, and why. */
interface AnsweringRoute {
  readonly target: string;
  readonly tier: Tier;
  /** As the model server names it. */
  readonly model: string;
  readonly simulated: boolean;
  readonly strategy: string;
  readonly reasonCode: string;
  readonly fallback: boolean;
}

/** What the headers of an answer tell of. */
export interface BegunAnswer {
  readonly facts: {
    readonly lookup: { readonly result: string; readonly answer: { readonly ageSeconds: number } | null };
    readonly lease: { readonly headers: Readonly<Record<string, string>> };
  };
  readonly route: AnsweringRoute;
  /** Milliseconds. */
  readonly overheadMs: number;
  readonly decision: { readonly score: number | null } | null;
  readonly attempts: readonly unknown[];
}

/** What is known when a plain answer is complete. */
export interface EndedAnswer {
  /** USD; `null` = unknown. */
  readonly costUsd: number | null;
  /** `null` where nothing was to be stored. */
  readonly persisted: boolean | null;
}

/** The `x-router-*` and rate-limit headers of an answer that has begun (DESIGN section 4). */
export function answerHeaders({ facts, route, overheadMs, decision, attempts }: BegunAnswer): HeaderList {
  const { lookup, lease } = facts;
  const headers: HeaderList = [];
  headers.push('x-router-attempts', String(attempts.length));
  headers.push('x-router-cache', lookup.result);
  if (lookup.answer && lookup.result !== 'SHARED') headers.push('age', String(lookup.answer.ageSeconds));
  headers.push('x-router-overhead-ms', rounded(overheadMs, 2));
  headers.push('x-router-target', route.target);
  headers.push('x-router-tier', route.tier);
  headers.push('x-router-model', headerSafe(route.model));
  headers.push('x-router-strategy', route.strategy);
  headers.push('x-router-reason', route.reasonCode);
  headers.push('x-router-fallback', String(route.fallback));
  for (const [name, value] of Object.entries(lease.headers)) headers.push(name, value);
  if (route.simulated) headers.push('x-router-simulated', 'true');
  if (typeof decision?.score === 'number') headers.push('x-router-score', rounded(decision.score, 4));
  return headers;
}

/** Adds what is known only when a plain answer is complete. */
export function addPlainHeaders(headers: HeaderList, { costUsd, persisted }: EndedAnswer): void {
  headers.push('content-type', 'application/json; charset=utf-8');
  if (costUsd !== null) headers.push('x-router-cost-usd', rounded(costUsd, 9));
  if (persisted !== null) headers.push('x-router-persisted', String(persisted));
}
