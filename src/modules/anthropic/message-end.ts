import type { Choice } from '../../common/chat.js';
import { isFields } from '../../common/json/fields.js';
import { countOf, type Usage } from '../../common/usage.js';

/** Why the model stopped, in Anthropic's words. */
export interface StopOf {
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
}

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ['length', 'max_tokens'],
  ['tool_calls', 'tool_use'],
  ['function_call', 'tool_use'],
  ['content_filter', 'refusal'],
  ['refusal', 'refusal'],
]);

/**
 * @param stops the stop sequences that were asked for
 * @param callsTools some servers say `stop` of an answer that calls tools, and clients only run tools on `tool_use`
 */
export function stopOf(choice: Choice, stops: readonly string[], callsTools: boolean): StopOf {
  const reason = REASONS.get(choice.finish_reason);
  if (reason !== undefined) return { stop_reason: reason, stop_sequence: null };
  if (callsTools) return { stop_reason: 'tool_use', stop_sequence: null };
  // which one it was only some servers say: vLLM and SGLang in `stop_reason`, those of this door in `stop_sequence`
  const hit = [choice['stop_sequence'], choice['stop_reason']].find((said) => stops.includes(said as string));
  return typeof hit === 'string'
    ? { stop_reason: 'stop_sequence', stop_sequence: hit }
    : { stop_reason: 'end_turn', stop_sequence: null };
}

/**
 * The id of a tool call: its server's, where it says one and has not given it to another call.
 *
 * @param message its id @param number 1 = the first call @param taken ids of the calls before it; this one's is added
 */
export function toolId(said: unknown, message: string, number: number, taken: Set<string>): string {
  const isOwn = typeof said === 'string' && said !== '' && !taken.has(said);
  const id = isOwn ? said : `toolu_${message}_${number}`;
  taken.add(id);
  return id;
}

/** Tokens as this API counts them: the input without what a cache had or took. */
export interface MessageUsage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
}

/**
 * A chat usage, whose `prompt_tokens` are input, cache reads and cache writes together.
 *
 * @param otherwise tokens of the input, where nobody counted them
 */
export function messageUsage(usage: Usage | null, otherwise: number): MessageUsage {
  const details = usage?.['prompt_tokens_details'];
  const read = isFields(details) ? (countOf(details['cached_tokens']) ?? 0) : 0;
  const written = isFields(details) ? (countOf(details['cache_write_tokens']) ?? 0) : 0;
  const prompt = usage?.prompt_tokens ?? null;
  return {
    input_tokens: prompt === null ? otherwise : Math.max(0, prompt - read - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    output_tokens: usage?.completion_tokens ?? 0,
  };
}
