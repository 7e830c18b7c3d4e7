import type { ChatMessage, ChatRequest } from '../../common/chat.js';
import type { Fields } from '../../common/json/fields.js';
import { chatTools } from './chat-tools.js';
import { messagesOfInput, notEmpty } from './input-messages.js';
import type { ResponsesRequest } from './responses-request.schema.js';
import { SentItem } from './sent-item.js';
import { ToolNames } from './tool-names.js';

/** A request for a response in the form of chat completions. */
export interface ChatForm {
  readonly request: ChatRequest;
  /** The messages of the new input alone, which is what a session keeps: `instructions` are for one response. */
  readonly input: ChatMessage[];
  /** Where each message of the request stands in the caller's. */
  readonly places: readonly string[];
}

/** Fields that both APIs have, under one name. */
const SAME = ['temperature', 'top_p', 'user', 'service_tier', 'safety_identifier', 'prompt_cache_key'] as const;

/**
 * Translates a checked request.
 *
 * @param input of the request, with what its references name in their place
 * @throws InvalidRequest that names the field
 */
export function chatFormOf(body: ResponsesRequest, input: unknown): ChatForm {
  const names = new ToolNames(body.tools);
  const { messages, places } = messagesOfInput(input, names);
  notEmpty(messages);
  const { instructions } = body;
  const request: ChatRequest = {
    model: body.model,
    messages: instructions ? [{ role: 'system', content: instructions }, ...messages] : messages,
    ...(body.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...chatTools(new SentItem(body, ''), names),
    ...outputFields(body),
  };
  for (const name of SAME) if ((body[name] ?? null) !== null) request[name] = body[name];
  return { request, input: messages, places: instructions ? ['instructions', ...places] : places };
}

/** How the answer is to be: its form, its length, its effort. */
function outputFields(body: ResponsesRequest): Fields {
  const fields: Fields = {};
  const format = formatOf(new SentItem(body, ''));
  if (format) fields['response_format'] = format;
  if (body.text?.verbosity) fields['verbosity'] = body.text.verbosity;
  if (body.reasoning?.effort) fields['reasoning_effort'] = body.reasoning.effort;
  if (body.max_output_tokens) fields['max_completion_tokens'] = body.max_output_tokens;
  if (wantsLogprobs(body)) {
    fields['logprobs'] = true;
    if (body.top_logprobs) fields['top_logprobs'] = body.top_logprobs;
  }
  return fields;
}

/** Whether the answer is to say how likely its tokens were. */
export const wantsLogprobs = ({ include, top_logprobs: top }: ResponsesRequest): boolean =>
  (top ?? 0) > 0 || (include?.includes('message.output_text.logprobs') ?? false);

/** Whether reasoning is to come sealed, so that it can go back to the model that made it. */
export const wantsEncrypted = ({ include }: ResponsesRequest): boolean =>
  include?.includes('reasoning.encrypted_content') ?? false;

/** `text.format` as `response_format`, which has the schema one level deeper. */
function formatOf(body: SentItem): Fields | null {
  const format = body.member('text')?.member('format');
  if (!format) return null;
  const type = format.text('type');
  if (type === 'text') return null;
  if (type === 'json_object') return { type };
  if (type !== 'json_schema') throw format.wrong('type', 'expected `text`, `json_schema` or `json_object`');
  const { type: _, ...schema } = format.fields;
  format.text('name');
  if (!format.member('schema')) throw format.wrong('schema', 'missing; expected an object');
  return { type, json_schema: schema };
}
