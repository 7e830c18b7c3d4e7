import type { CompletedChat } from '../chat/chat.messages.js';

/** What one request used up: tokens, and USD. */
export interface Spending {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costUsd: number;
}

const NOTHING: Spending = { promptTokens: 0, completionTokens: 0, costUsd: 0 };

/**
 * What a request really used. Failed ones and answers from the cache used nothing; an answer that was cut or abandoned
 * used what was received of it. What is unknown counts nothing.
 */
export function spendingOf({ outcome, cache, usage, costUsd }: CompletedChat): Spending {
  if (outcome === 'failed' || cache.result === 'HIT') return NOTHING;
  return {
    promptTokens: usage?.prompt_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? 0,
    costUsd: costUsd ?? 0,
  };
}
