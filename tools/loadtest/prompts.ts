import { readFileSync } from 'node:fs';
import { UsageError } from '../command.js';

/** A question: a text, or the messages of a conversation so far. */
export type Prompt =
  { readonly prompt: string } | { readonly messages: readonly { readonly role: string; readonly content: unknown }[] };

/** The lines of a JSONL file. @throws UsageError that names the line */
export function promptsOf(file: string): Prompt[] {
  const prompts = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, at) => (line.trim() === '' ? [] : [promptOf(line, `--prompts ${file}, line ${at + 1}`)]));
  if (prompts.length === 0) throw new UsageError(`--prompts ${file}: has no line; write one {"prompt"} a line`);
  return prompts;
}

function promptOf(line: string, place: string): Prompt {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch (error) {
    throw new UsageError(`${place}: is no JSON; leave it out`, { cause: error });
  }
  const { prompt, messages } = (read ?? {}) as { prompt?: unknown; messages?: unknown };
  if (typeof prompt === 'string') return { prompt };
  if (Array.isArray(messages) && messages.length > 0)
    return { messages: messages as { role: string; content: unknown }[] };
  throw new UsageError(`${place}: has neither a text "prompt" nor a list "messages"; add one`);
}
