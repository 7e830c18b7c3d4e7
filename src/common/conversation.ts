import type { ChatMessage, ChatRequest } from './chat.js';
import { answerRoom, estimateRequestTokens, estimateTokens } from './token-estimate.js';

/** What one earlier turn contributes to a new request: the caller's messages and the answer, in order. */
export interface HistoryTurn {
  readonly messages: readonly ChatMessage[];
}

export interface FittedConversation {
  readonly messages: ChatMessage[];
  /** How many stored turns went in, counted from the newest. */
  readonly turnsUsed: number;
}

const isSystem = (message: ChatMessage): boolean => message.role === 'system' || message.role === 'developer';

/**
 * Puts the stored turns in front of a request's messages: system messages first (the request's own replace stored
 * ones that say the same), then the newest turns that fit the window together with the request and the room for the
 * answer, oldest dropped first. A turn goes in whole or not at all, so a tool call never loses its answer.
 *
 * @param window of the target, tokens; of an unknown one (`null`) nothing is held back: cutting a conversation short for
 * a limit that may not exist loses what the caller counts on; the server refuses what it cannot take
 */
export function fitConversation(
  history: readonly HistoryTurn[],
  request: ChatRequest,
  window: number | null,
): FittedConversation {
  const own = request.messages;
  if (history.length === 0) return { messages: own, turnsUsed: 0 };
  const ownSystem = own.filter(isSystem);
  const seen = new Set(ownSystem.map((message) => JSON.stringify(message.content)));
  let room = window === null ? Infinity : window - answerRoom(request, window) - estimateRequestTokens(request);
  let first = history.length;
  while (first > 0) {
    const cost = estimateTokens(history[first - 1]!.messages);
    if (cost > room) break;
    room -= cost;
    first -= 1;
  }
  const kept = history.slice(first).flatMap((turn) => turn.messages);
  const storedSystem = kept.filter((message) => {
    if (!isSystem(message)) return false;
    const key = JSON.stringify(message.content);
    return !seen.has(key) && seen.add(key);
  });
  const spoken = (messages: readonly ChatMessage[]) => messages.filter((message) => !isSystem(message));
  return {
    messages: [...ownSystem, ...storedSystem, ...spoken(kept), ...spoken(own)],
    turnsUsed: history.length - first,
  };
}
