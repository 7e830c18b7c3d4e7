import type { Completion, Delta, ToolCall } from '../../../common/chat.js';
import { isFields, ownField, type Fields } from '../../../common/json/fields.js';
import { parseKeepingNumbers } from '../../../common/json/numbers.js';
import { readableJson } from '../../../common/json/readable.js';
import { countOf } from '../../../common/usage.js';
import { SIGNED_FORMAT } from './anthropic-thinking.js';

/** @see https://platform.claude.com/docs/en/api/handling-stop-reasons */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** `finish_reason` of a choice, with the stop sequence that was met. */
export function finishOf({
  stop_reason: reason,
  stop_sequence: met,
}: Fields): Fields & { finish_reason: string | null } {
  const finish = typeof reason === 'string' ? (ownField(FINISH_REASONS, reason) ?? 'stop') : null;
  return { finish_reason: finish, ...(typeof met === 'string' ? { stop_sequence: met } : {}) };
}

/**
 * Anthropic's usage as OpenAI counts: `prompt_tokens` has the tokens read from the cache and written to it, which
 * Anthropic counts beside `input_tokens`. What is not told stays untold.
 */
export function chatUsage(usage: Fields): Fields {
  const input = countOf(usage['input_tokens']);
  const output = countOf(usage['output_tokens']);
  const read = countOf(usage['cache_read_input_tokens']) ?? 0;
  const written = countOf(usage['cache_creation_input_tokens']) ?? 0;
  const details = usage['output_tokens_details'];
  const thought = isFields(details) ? countOf(details['thinking_tokens']) : null;
  const prompt = input === null ? null : input + read + written;
  return {
    ...(prompt === null ? {} : { prompt_tokens: prompt }),
    ...(output === null ? {} : { completion_tokens: output }),
    ...(prompt === null || output === null ? {} : { total_tokens: prompt + output }),
    prompt_tokens_details: { cached_tokens: read, cache_write_tokens: written },
    ...(thought === null ? {} : { completion_tokens_details: { reasoning_tokens: thought } }),
  };
}

/** An entry of `reasoning_details`: `model` says whose it is, as no other one takes it back. */
export const reasoningDetail = (what: Fields, index: number, model: string | undefined): Fields => ({
  ...what,
  format: SIGNED_FORMAT,
  index,
  ...(model === undefined ? {} : { model }),
});

/**
 * A whole answer of Anthropic's as the JSON text of a chat completion.
 *
 * @param created seconds since 1970
 * @returns the text itself where it is no message: an error, or something else
 */
export function completionText(text: string, created: number): string {
  const message = readableJson(text);
  if (!isFields(message) || message['type'] !== 'message' || !Array.isArray(message['content'])) return text;
  const exact = parseKeepingNumbers(text) as Fields;
  const { id, model, content, usage } = exact;
  const completion: Completion = {
    ...(typeof id === 'string' ? { id } : {}),
    object: 'chat.completion',
    created,
    ...(typeof model === 'string' ? { model } : {}),
    choices: [{ index: 0, message: messageOf(content as unknown[], model), logprobs: null, ...finishOf(exact) }],
    ...(isFields(usage) ? { usage: chatUsage(usage) } : {}),
  };
  return JSON.stringify(completion);
}

function messageOf(content: readonly unknown[], model: unknown): Delta {
  const blocks = content.filter(isFields);
  const texts = blocks.flatMap(({ type, text }) => (type === 'text' && typeof text === 'string' ? [text] : []));
  const thoughts = blocks
    .flatMap(({ type, thinking }) => (type === 'thinking' && typeof thinking === 'string' ? [thinking] : []))
    .join('\n\n');
  const details = blocks.flatMap((block, index) =>
    detailOf(block, index, typeof model === 'string' ? model : undefined),
  );
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(toolCallOf);
  return {
    role: 'assistant',
    content: texts.length === 0 && calls.length > 0 ? null : texts.join(''),
    ...(thoughts === '' ? {} : { reasoning_content: thoughts }),
    ...(details.length > 0 ? { reasoning_details: details } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

function detailOf({ type, thinking, signature, data }: Fields, index: number, model: string | undefined): Fields[] {
  if (type === 'redacted_thinking') return [reasoningDetail({ type: 'reasoning.encrypted', data }, index, model)];
  if (type !== 'thinking') return [];
  return [reasoningDetail({ type: 'reasoning.text', text: thinking, signature }, index, model)];
}

const toolCallOf = ({ id, name, input }: Fields): ToolCall => ({
  id: String(id),
  type: 'function',
  function: { name: String(name), arguments: JSON.stringify(input ?? {}) },
});
