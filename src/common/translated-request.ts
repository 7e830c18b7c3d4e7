import type { ChatRequest } from './chat.js';

const TRANSLATED = Symbol('translated');

type Marked = ChatRequest & { [TRANSLATED]?: true };

/**
 * Marks a request that a door made of one in another protocol. What only some model servers know may stand in it
 * (`cache_control`, `thinking`, `output_config`, `top_k`, `reasoning_details` with the model that they are of), and is taken out for the others;
 * a request that came as chat completions goes on as it came (docs/adr/0012). As a plain property under a symbol, which no
 * JSON has.
 */
export function translated(request: ChatRequest): ChatRequest {
  (request as Marked)[TRANSLATED] = true;
  return request;
}

export const isTranslated = (request: ChatRequest): boolean => (request as Marked)[TRANSLATED] === true;

/** `made`, which was made of `request`, with its mark. */
export const keptMark = (request: ChatRequest, made: ChatRequest): ChatRequest =>
  isTranslated(request) ? translated(made) : made;
