import { readUsage } from '../../common/usage.js';
import type { Turn } from './session.messages.js';

const VERSION = 1;

/** A turn as the durable stores keep it: the API's field names, plus a version so that a later release can migrate. */
export interface TurnDocument {
  v: typeof VERSION;
  id: string;
  at: string;
  request_id: string;
  messages: Turn['messages'];
  target: string;
  tier: Turn['tier'];
  model: string;
  simulated: boolean;
  usage: Turn['usage'];
  cost_usd: number | null;
  latency_ms: number;
  cached: boolean;
  fallback: boolean;
}

export function toDocument(turn: Turn): TurnDocument {
  const { requestId, costUsd, latencyMs, id, at, messages, target, tier, model, simulated, usage, cached, fallback } =
    turn;
  return {
    v: VERSION,
    id,
    at,
    request_id: requestId,
    messages,
    target,
    tier,
    model,
    simulated,
    usage,
    cost_usd: costUsd,
    latency_ms: latencyMs,
    cached,
    fallback,
  };
}

/**
 * Reads this version's documents and older ones: what they lack gets the value it would have had. A newer version may
 * mean something else by the same names and is refused.
 *
 * @throws Error that says what is wrong, without the document's text
 */
export function fromDocument(value: unknown): Turn {
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  const document = value as Partial<Omit<TurnDocument, 'v'>> & { v?: unknown };
  const version = document.v ?? 0;
  if (typeof version !== 'number' || version > VERSION) {
    throw new Error(`version ${String(document.v)}, expected ${VERSION}`);
  }
  const target = text(document, 'target');
  return {
    id: text(document, 'id'),
    at: text(document, 'at'),
    requestId: document.request_id ?? '',
    messages: messagesOf(document.messages),
    target,
    tier: document.tier === 'cloud' ? 'cloud' : 'local',
    model: document.model ?? target,
    simulated: document.simulated === true,
    usage: readUsage(document.usage),
    costUsd: document.cost_usd ?? null,
    latencyMs: document.latency_ms ?? 0,
    cached: document.cached === true,
    fallback: document.fallback === true,
  };
}

type TextField = 'id' | 'at' | 'target';

function text(document: Partial<Record<TextField, string>>, field: TextField): string {
  const value: unknown = document[field];
  if (typeof value !== 'string') throw new Error(`${field} is not a string`);
  return value;
}

function messagesOf(value: unknown): Turn['messages'] {
  const wellFormed =
    Array.isArray(value) && value.every((message: unknown) => typeof message === 'object' && message !== null);
  if (!wellFormed) throw new Error('messages is not a list of objects');
  return value as Turn['messages'];
}
