import type { ChatCompletedEvent } from '../chat/chat.messages.js';

/** What one request used up: tokens, and USD. */
export interface Spending {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costUsd: number;
}

const NOTHING: Spending = { promptTokens: 0, completionTokens: 0, costUsd: 0 };

/** Token counts come from model servers: anything but a positive finite number counts nothing. */
const counted = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;

/**
 * What a request really used. Failed ones and answers from the cache used nothing; an answer that was cut or abandoned
 * used what its server counted. An unknown cost counts nothing.
 */
export function spendingOf({ outcome, cache, usage, costUsd }: ChatCompletedEvent): Spending {
  if (outcome === 'failed' || cache.result === 'HIT') return NOTHING;
  return {
    promptTokens: counted(usage?.prompt_tokens),
    completionTokens: counted(usage?.completion_tokens),
    costUsd: counted(costUsd),
  };
}
