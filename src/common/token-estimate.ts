import type { ChatMessage, ChatRequest } from './chat.js';
import { partsOf, textOf } from './chat.js';

/** Tokens of role and separators around a message (OpenAI cookbook, "how to count tokens": 3 to 4). */
const TOKENS_PER_MESSAGE = 4;
/** An image without a known size: OpenAI's high-detail tile count of a 1024 x 1024 picture. */
const TOKENS_PER_IMAGE = 765;
/** Latin text averages 4 characters a token in the cl100k and o200k vocabularies. */
const LATIN_CHARACTERS_PER_TOKEN = 4;
// Scripts without spaces between words cost about a token a character.
const DENSE_SCRIPT = /[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/g;
const ONLY_LATIN = /^[\u0000-\u024f]*$/;

/** Tokens a text will take, without a tokenizer: right within about a quarter for prose and code, in 1 us per kB. */
export function estimateTextTokens(text: string): number {
  if (ONLY_LATIN.test(text)) return Math.ceil(text.length / LATIN_CHARACTERS_PER_TOKEN);
  const dense = text.match(DENSE_SCRIPT)?.length ?? 0;
  return Math.ceil(dense + (text.length - dense) / LATIN_CHARACTERS_PER_TOKEN);
}

/** Tokens of a list of messages, tool calls and images included. */
export function estimateTokens(messages: readonly ChatMessage[]): number {
  let tokens = 0;
  for (const message of messages) {
    tokens += TOKENS_PER_MESSAGE + estimateTextTokens(textOf(message));
    if (message.tool_calls) tokens += estimateTextTokens(JSON.stringify(message.tool_calls));
    for (const { type } of partsOf(message)) if (type === 'image_url') tokens += TOKENS_PER_IMAGE;
  }
  return tokens;
}

/**
 * What prompt and history may take of a window, tokens. Of an unknown window nothing is held back: cutting a
 * conversation short for a limit that may not exist loses what the caller counts on; the server refuses what it cannot take.
 */
export function promptRoom(
  request: Pick<ChatRequest, 'max_tokens' | 'max_completion_tokens'>,
  window: number | null,
): number {
  return window === null ? Infinity : window - answerReserve(request, window);
}

/** Share of a window that is kept free for an answer whose length nobody limited. */
const DEFAULT_ANSWER_SHARE = 8;
const LONGEST_DEFAULT_ANSWER = 1024;

/** Tokens to keep free for the answer: what the caller allows, else an eighth of the window, at most 1,024. */
export function answerReserve(
  request: Pick<ChatRequest, 'max_tokens' | 'max_completion_tokens'>,
  window: number,
): number {
  const asked = request.max_completion_tokens ?? request.max_tokens;
  return asked ?? Math.min(LONGEST_DEFAULT_ANSWER, Math.floor(window / DEFAULT_ANSWER_SHARE));
}
