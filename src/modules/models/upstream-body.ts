import type { ChatRequest } from '../../common/chat.js';
import { fitConversation, type HistoryTurn } from '../../common/conversation.js';
import type { LiveTarget } from './live-target.js';
import { promptRoom } from '../../common/token-estimate.js';

/**
 * The request as the target's server gets it: everything the caller sent, with the target's own model name, the stored
 * turns that fit its window, and usage asked for (who pays must know).
 *
 * @param partialAnswer an answer to go on with, as the last message ("prefill")
 */
export function upstreamBody(
  request: ChatRequest,
  history: readonly HistoryTurn[],
  target: LiveTarget,
  partialAnswer: string | null,
): ChatRequest {
  const { messages } = fitConversation(history, request.messages, promptRoom(request, target.contextWindow));
  const prefill = partialAnswer === null ? [] : [{ role: 'assistant', content: partialAnswer }];
  const body: ChatRequest = { ...request, model: target.upstreamModel, messages: [...messages, ...prefill] };
  if (request.stream) body.stream_options = { ...request.stream_options, include_usage: true };
  return body;
}
