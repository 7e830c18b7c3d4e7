import type { ChatFrame, Choice, Completion, Delta } from './chat.js';
import { isFields } from './json/fields.js';
import { mayHoldWideNumbers, parseKeepingNumbers } from './json/numbers.js';

/**
 * Reads JSON as an answer or a chunk of one, as the types promise it: what else stands in the fields that are read here
 * counts as not there. The text that goes on to the caller stays what it is.
 *
 * @returns `null` when it cannot be one
 */
export function completionIn(json: unknown): Completion | null {
  if (!isFields(json)) return null;
  const completion: Completion = json;
  const { choices, model } = completion;
  if (model !== undefined && typeof model !== 'string') delete completion.model;
  if (choices === undefined || choices === null) return completion;
  if (!Array.isArray(choices)) return null;
  for (const choice of choices) {
    if (!isFields(choice)) return null;
    tidy(choice, 'delta');
    tidy(choice, 'message');
  }
  return completion;
}

/**
 * An answer, or a chunk of one, as `completionIn` reads it and with every digit of its numbers: for what is kept, and for
 * what is written anew.
 */
export function exactCompletion(frame: ChatFrame): Completion {
  const { json } = frame;
  if (frame.isExact) return json; // without its text being written
  const { text } = frame;
  return mayHoldWideNumbers(text) ? (completionIn(parseKeepingNumbers(text)) ?? json) : json;
}

function tidy(choice: Choice, field: 'delta' | 'message'): void {
  const message: Delta | null | undefined = choice[field];
  if (message === undefined) return;
  if (!isFields(message)) delete choice[field];
  else if (message.tool_calls !== undefined && !Array.isArray(message.tool_calls)) delete message.tool_calls;
}
