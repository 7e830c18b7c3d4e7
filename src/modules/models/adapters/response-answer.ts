import type { Choice, Completion, Delta, ToolCall } from '../../../common/chat.js';
import { isFields, type Fields } from '../../../common/json/fields.js';

/**
 * What of a response of OpenAI's is known here: its text, that there are calls, its end and its usage. The response itself
 * goes to the caller as it came.
 *
 * @returns `null` for what is no response that has ended well
 */
export function completionOfResponse(response: unknown): Completion | null {
  if (!isFields(response) || response['object'] !== 'response' || isFields(response['error'])) return null;
  const message: Delta = { role: 'assistant', content: null };
  for (const item of listIn(response, 'output')) addItem(message, item);
  const choice: Choice = { index: 0, message, finish_reason: finishOf(response) };
  return { ...headOf(response), object: 'chat.completion', choices: [choice], ...usageOf(response) };
}

/** `id` and `model` of the object that events carry. */
export const headOf = ({ id, model }: Fields): Completion => ({
  ...(typeof id === 'string' ? { id } : {}),
  ...(typeof model === 'string' ? { model } : {}),
});

/** The usage of a response as chat completions count it. */
export function usageOf({ usage }: Fields): Pick<Completion, 'usage'> {
  if (!isFields(usage)) return {};
  const { input_tokens: prompt, output_tokens: completion, total_tokens: total } = usage;
  return {
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: total,
      prompt_tokens_details: usage['input_tokens_details'],
      completion_tokens_details: usage['output_tokens_details'],
    },
  };
}

export function finishOf({ incomplete_details: details }: Fields): string {
  if (!isFields(details)) return 'stop';
  return details['reason'] === 'content_filter' ? 'content_filter' : 'length';
}

/** An item that is neither text nor reasoning: a call of whatever tool. It cannot be told twice. */
export const callOf = ({ id, type, name }: Fields): ToolCall => ({
  ...(typeof id === 'string' ? { id } : {}),
  ...(typeof type === 'string' ? { type } : {}),
  ...(typeof name === 'string' ? { function: { name } } : {}),
});

function addItem(message: Delta, item: Fields): void {
  if (item['type'] === 'message') {
    for (const { text, refusal } of listIn(item, 'content')) {
      if (typeof text === 'string') message.content = (message.content ?? '') + text;
      if (typeof refusal === 'string') message['refusal'] = refusal;
    }
  } else if (item['type'] !== 'reasoning') message.tool_calls = [...(message.tool_calls ?? []), callOf(item)];
}

function listIn(fields: Fields, name: 'output' | 'content'): Fields[] {
  const list = fields[name];
  return Array.isArray(list) ? list.filter(isFields) : [];
}
