import { Logger } from '@nestjs/common';
import { isFields } from '../../common/json/fields.js';
import { LineLimit } from '../../common/logging/line-limit.js';
import { sessionMark } from '../../common/logging/outside-text.js';
import type { SessionKey } from '../../common/session-id.js';
import { readUsage } from '../../common/usage.js';
import type { Turn } from './session.messages.js';
import type { StoredTurn } from './stored-turn.js';

const logger = new Logger('session');
const lines = new LineLimit('session');

const VERSION = 1;

/** A turn as callers see it. */
export const toTurnJson = (turn: Turn) => ({
  id: turn.id,
  at: turn.at,
  request_id: turn.requestId,
  messages: turn.messages,
  target: turn.target,
  tier: turn.tier,
  model: turn.model,
  simulated: turn.simulated,
  usage: turn.usage,
  cost_usd: turn.costUsd,
  latency_ms: Math.round(turn.latencyMs * 100) / 100,
});

/** A turn as the durable stores keep it: as callers see it, plus a version so that a later release can migrate. */
export type TurnDocument = ReturnType<typeof toDocument>;

export const toDocument = (turn: Turn) => ({
  v: VERSION,
  ...toTurnJson(turn),
  cached: turn.cached,
  fallback: turn.fallback,
  ...(turn.response ? { response: turn.response } : {}),
});

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
    ...responseOf(document.response),
  };
}

function responseOf(value: unknown): Pick<Turn, 'response'> {
  if (!isFields(value) || typeof value['id'] !== 'string') return {};
  const { id, previous } = value;
  return { response: { ...value, id, previous: typeof previous === 'string' ? previous : null } };
}

/**
 * What a store holds as a turn; none, with a line in the log, when it cannot be read: one unreadable turn must not take
 * the conversation with it.
 *
 * @param name of the turn, for the log
 */
export function readTurn(name: string, { sessionId }: SessionKey, read: () => StoredTurn): StoredTurn[] {
  try {
    return [read()];
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'not JSON' : (error as Error).message;
    const isTold = lines.allows('turns that cannot be read');
    logger[isTold ? 'error' : 'debug'](
      `${name} of session ${sessionMark(sessionId)} cannot be read and is left out: ${reason}`,
    );
    return [];
  }
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
