import type { ChatMessage, ChatRequest } from '../../../common/chat.js';
import { isFields, type Fields } from '../../../common/json/fields.js';
import { parseKeepingNumbers } from '../../../common/json/numbers.js';
import { sourceOf } from '../../../common/json/source.js';
import type { Addressee } from '../addressee.js';
import { isSameModel } from '../model-names.js';
import type { ModelCall } from '../models.messages.js';
import { upstreamMessages } from '../upstream-body.js';
import { unsayable, type Block } from './anthropic-blocks.js';
import { thinkingOf, type Thinking } from './anthropic-thinking.js';
import { mustCall, toolChoiceOf, toolsOf } from './anthropic-tools.js';
import { conversationOf } from './anthropic-turns.js';
import { answerTokens, thinksByEffort } from './claude-models.js';

/** From this version on the API refuses sampling parameters, even at their defaults. */
const WITHOUT_SAMPLING = '2026-10-21';
/** OpenAI's goes to 2; above 1 Anthropic refuses it. */
const HOTTEST = 1;
/** Longer ones Anthropic refuses. */
const LONGEST_USER_ID = 256;
/** Anthropic has no JSON mode: it has to be asked. */
const JSON_ONLY: Block = { type: 'text', text: 'Answer with one valid JSON object and nothing else.' };

/**
 * A chat request as the body of Anthropic's Messages: what both know, in Anthropic's words. Fields that only OpenAI knows
 * (`logprobs`, `seed`, penalties and the like) are left out, as Anthropic refuses what it does not know.
 *
 * @returns JSON
 * @throws UpstreamFailure `bad_request`, with the field, for several choices and for content that Anthropic cannot take
 * @see https://platform.claude.com/docs/en/api/messages
 */
export function messagesRequest(call: ModelCall, target: Addressee): string {
  const request = exactRequest(call.request);
  if ((request.n ?? 1) > 1) throw unsayable('n', "Anthropic's models give one answer a request; leave it out");
  const exact = new Map(call.request.messages.map((message, i) => [message, request.messages[i] ?? message]));
  const messages = upstreamMessages(call, target).map((message) => exact.get(message) ?? message);
  const places = new Map<ChatMessage, string>(request.messages.map((message, i) => [message, `messages[${i}]`]));
  const { system, turns } = conversationOf(messages, places, isOwnOf(target));
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? answerTokens(target.model);
  const tools = toolsOf(request);
  const choice = tools.length > 0 ? toolChoiceOf(request) : undefined;
  const thought = thinkingOf(request, target, turns, maxTokens, mustCall(choice));
  if (request.response_format?.type === 'json_object') system.push(JSON_ONLY);
  return JSON.stringify({
    model: target.upstreamModel,
    max_tokens: maxTokens,
    ...(system.length > 0 ? { system } : {}),
    messages: turns,
    ...(tools.length > 0 ? { tools } : {}),
    ...(choice ? { tool_choice: choice } : {}),
    ...(request.stream ? { stream: true } : {}),
    ...(thought.thinking ? { thinking: thought.thinking } : {}),
    ...samplingOf(call.request, target, thought),
    ...outputOf(request, thought),
    ...restOf(request),
  });
}

/** With the numbers that the caller wrote, digit for digit. */
function exactRequest(request: ChatRequest): ChatRequest {
  const source = sourceOf(request);
  return source?.wideNumbers ? (parseKeepingNumbers(source.text) as ChatRequest) : request;
}

const isOwnOf =
  ({ model, upstreamModel }: Addressee) =>
  (other: string): boolean =>
    isSameModel(other, model) || isSameModel(other, upstreamModel);

/** Models that think, and newer ones, refuse what goes against it; two of them at a time many refuse. */
function samplingOf(request: ChatRequest, target: Addressee, { thinking }: Thinking): Fields {
  const { apiVersion = '' } = target.config;
  const isThinking = thinking !== null && thinking['type'] !== 'disabled';
  if (isThinking || apiVersion >= WITHOUT_SAMPLING || thinksByEffort(target.model)) return {};
  const { temperature, top_p: topP, top_k: topK } = request;
  const warm = typeof temperature === 'number' ? { temperature: Math.min(temperature, HOTTEST) } : null;
  return {
    ...(warm ?? (typeof topP === 'number' ? { top_p: topP } : {})),
    ...(typeof topK === 'number' && topK > 0 ? { top_k: topK } : {}),
  };
}

function outputOf({ response_format: format }: ChatRequest, { effort }: Thinking): Fields {
  const wanted = format?.type === 'json_schema' ? format['json_schema'] : null;
  const schema = isFields(wanted) ? wanted['schema'] : null;
  const output = {
    ...(isFields(schema) ? { format: { type: 'json_schema', schema } } : {}),
    ...(effort === null ? {} : { effort }),
  };
  return Object.keys(output).length > 0 ? { output_config: output } : {};
}

function restOf({ stop, user, cache_control: cacheControl }: ChatRequest): Fields {
  const stops = [stop].flat().filter((text) => typeof text === 'string' && text.trim() !== '');
  const isUser = typeof user === 'string' && user !== '' && user.length <= LONGEST_USER_ID;
  return {
    ...(stops.length > 0 ? { stop_sequences: stops } : {}),
    ...(isUser ? { metadata: { user_id: user } } : {}),
    ...(isFields(cacheControl) ? { cache_control: cacheControl } : {}),
  };
}
