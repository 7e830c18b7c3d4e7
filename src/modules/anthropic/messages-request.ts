import { ThreadUnsupported } from '../../common/app-error.js';
import type { ChatMessage, ChatRequest } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { parseKeepingNumbers } from '../../common/json/numbers.js';
import { sourceOf } from '../../common/json/source.js';
import { translated } from '../../common/translated-request.js';
import { chatMessages } from './chat-messages.js';
import { loadedTools } from './loaded-tools.js';
import type { CountTokensRequest, MessagesRequest } from './messages-request.schema.js';
import { effortOf } from './thinking-blocks.js';

/** Settings that chat completions has under the same name. */
const SAME_NAME = ['temperature', 'top_p', 'top_k', 'stream'] as const;

const THREADS_ARE_NOT_HELD =
  'thread: conversations are not held here; send the whole conversation as messages, without `thread`';

/**
 * A checked request of this door as a chat request, for `AnswerChatCommand`. Pure.
 *
 * @param body what the request was parsed from; numbers that JavaScript cannot hold are taken from its text
 * @throws ThreadUnsupported the server is to hold the conversation: the next request would have its last turn alone
 */
export function chatRequestOf(request: MessagesRequest, body: unknown): ChatRequest {
  if (isFields(request['thread'])) throw new ThreadUnsupported(THREADS_ARE_NOT_HELD, 'thread');
  const chat = promptOf(request, exactOf(request, body));
  const { max_tokens: most, stop_sequences: stops, metadata } = request;
  chat.max_completion_tokens = most;
  for (const name of SAME_NAME) {
    const value = request[name] ?? null;
    if (value !== null) (chat as Fields)[name] = value;
  }
  if (stops && stops.length > 0) chat['stop'] = stops;
  if (typeof metadata?.user_id === 'string') chat['user'] = metadata.user_id;
  return translated(chat);
}

/** What a model would read of a request; for counting its tokens. */
export function countedRequestOf(request: CountTokensRequest): ChatRequest {
  return promptOf(request, request);
}

/** The text of a body is parsed again only where data cannot hold what it says. */
function exactOf(request: CountTokensRequest, body: unknown): CountTokensRequest {
  const source = sourceOf(body);
  return source?.wideNumbers ? (parseKeepingNumbers(source.text) as CountTokensRequest) : request;
}

/**
 * @param request for what is calculated with
 * @param exact the same, for what is only sent on
 */
function promptOf(request: CountTokensRequest, exact: CountTokensRequest): ChatRequest {
  const { model, tool_choice: choice } = request;
  const { system, messages, tools, output_config: output, thinking } = exact;
  const chat: ChatRequest = { model, messages: chatMessages(system ?? null, messages) };
  const loaded = loadedTools(tools ?? [], messages, choice?.name ?? null);
  if (loaded.length > 0) chat.tools = loaded.map(toolFrom);
  if (choice && (loaded.length > 0 || !tools?.length)) addChoice(chat, choice);
  const effort = effortOf(request);
  if (effort !== null) chat['reasoning_effort'] = effort;
  if (thinking) chat['thinking'] = thinking;
  if (typeof output?.effort === 'string') chat['output_config'] = { effort: output.effort }; // `max` has no other word
  if (output?.format) chat.response_format = formatFrom(output.format);
  markLast(chat.messages, (request as Fields)['cache_control']);
  return chat;
}

type SentTool = NonNullable<CountTokensRequest['tools']>[number];

function toolFrom({ name, description, input_schema: parameters, strict, cache_control: mark }: SentTool): Fields {
  const told = description ?? null;
  return {
    type: 'function',
    function: {
      name,
      ...(told === null ? {} : { description: told }),
      parameters,
      ...(typeof strict === 'boolean' ? { strict } : {}),
    },
    ...(isFields(mark) ? { cache_control: mark } : {}),
  };
}

type SentChoice = NonNullable<CountTokensRequest['tool_choice']>;

function addChoice(chat: ChatRequest, { type, name, disable_parallel_tool_use: oneAtATime }: SentChoice): void {
  if (type === 'tool') chat['tool_choice'] = { type: 'function', function: { name } };
  else chat['tool_choice'] = type === 'any' ? 'required' : type;
  if (oneAtATime === true) chat['parallel_tool_calls'] = false;
}

function formatFrom({ schema }: { readonly schema: Fields }): NonNullable<ChatRequest['response_format']> {
  return { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } };
}

/** `cache_control` of the request itself marks the last block that can have one. */
function markLast(messages: readonly ChatMessage[], mark: unknown): void {
  const last = messages.at(-1);
  if (!isFields(mark) || !last) return;
  if (typeof last.content === 'string') last.content = [{ type: 'text', text: last.content }];
  const part = last.content?.at(-1);
  if (part) part['cache_control'] ??= mark;
}
