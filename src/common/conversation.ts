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

/** Whether a field holds a list with something in it. */
export const isFilled = (list: unknown): boolean => Array.isArray(list) && list.length > 0;

const callsTool = ({ tool_calls: calls, function_call: call }: ChatMessage): boolean =>
  isFilled(calls) || (typeof call === 'object' && call !== null);

/**
 * Whether the latest word of a model was a tool call that no model has gone on from: the result, or what the caller says
 * beside it, belongs to the model that called.
 */
export function isToolCallOpen({ messages }: ChatRequest, history: readonly HistoryTurn[]): boolean {
  const last = messages.at(-1)?.role;
  if (last === 'tool' || last === 'function') return true;
  const latest = messages.findLast(({ role }) => role === 'assistant');
  if (latest) return callsTool(latest);
  const stored = history.at(-1)?.messages.at(-1);
  return stored !== undefined && callsTool(stored);
}
