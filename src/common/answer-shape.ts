import type { Choice, Completion, Delta } from '../../../common/chat.js';

/**
 * Reads JSON as an answer or a chunk of one, as the types promise it: what else stands in the fields that are read here
 * counts as not there. The text that goes on to the caller stays what it is.
 *
 * @returns `null` when it cannot be one
 */
export function completionIn(json: unknown): Completion | null {
  if (!isObject(json) || Array.isArray(json)) return null;
  const completion = json as Completion;
  const { choices, model } = completion;
  if (model !== undefined && typeof model !== 'string') delete completion.model;
  if (choices === undefined || choices === null) return completion;
  if (!Array.isArray(choices)) return null;
  for (const choice of choices) {
    if (!isObject(choice)) return null;
    tidy(choice, 'delta');
    tidy(choice, 'message');
  }
  return completion;
}

function tidy(choice: Choice, field: 'delta' | 'message'): void {
  const message: Delta | null | undefined = choice[field];
  if (message === undefined) return;
  if (!isObject(message) || Array.isArray(message)) delete choice[field];
  else if (message.tool_calls !== undefined && !Array.isArray(message.tool_calls)) delete message.tool_calls;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
