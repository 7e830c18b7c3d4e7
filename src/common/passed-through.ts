import type { ChatRequest } from './chat.js';
import type { JsonSource } from './json/source.js';

const PASSED = Symbol('passed through');

type Marked = ChatRequest & { [PASSED]?: JsonSource };

/**
 * Marks a chat request that stands for one of the Responses API, which goes to OpenAI's own servers as it came: limits,
 * decision and resilience see the chat request, the server the text.
 *
 * @param source what the caller sent
 */
export function passedThrough(request: ChatRequest, source: JsonSource): ChatRequest {
  (request as Marked)[PASSED] = source;
  return request;
}

/** What the caller sent, of a request that is passed through; `null` of every other one. */
export const passedThroughOf = (request: ChatRequest): JsonSource | null => (request as Marked)[PASSED] ?? null;
