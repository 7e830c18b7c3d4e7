import { partsOf, textOf, type ChatMessage } from '../../../common/chat.js';
import { isFields, type Fields } from '../../../common/json/fields.js';
import { parseKeepingNumbers } from '../../../common/json/numbers.js';
import { readableJson } from '../../../common/json/readable.js';
import { blockOf, textBlock, withCacheControl, type Block, type Turn } from './anthropic-blocks.js';
import { CallIds } from './anthropic-call-ids.js';
import { thinkingBlocks } from './anthropic-thinking.js';

export interface Conversation {
  readonly system: Block[];
  /** User and assistant in turn, a user first. */
  readonly turns: Turn[];
}

/** Stands where Anthropic wants a user to say something and nobody did: at the beginning, or in a turn without content. */
const NOTHING_SAID = '.';

/**
 * The messages of a chat as Anthropic's conversation: system and developer messages, wherever they stand, become system
 * blocks, the answers of tools a user's turn, and messages of one side in a row one turn.
 *
 * @param places where each message stands in the request (`messages[3]`)
 * @param isOwn whether reasoning that carries this model's name may go to the target
 * @throws UpstreamFailure `bad_request` for content that Anthropic knows nothing like
 */
export function conversationOf(
  messages: readonly ChatMessage[],
  places: ReadonlyMap<ChatMessage, string>,
  isOwn: (model: string) => boolean,
): Conversation {
  const system: Block[] = [];
  const turns: Turn[] = [];
  const ids = new CallIds();
  for (const message of messages) {
    const place = places.get(message) ?? 'messages';
    if (message.role === 'system' || message.role === 'developer') system.push(...contentBlocks(message, place));
    else if (message.role === 'assistant') add(turns, 'assistant', assistantBlocks(message, place, ids, isOwn));
    else if (message.role === 'tool' || message.role === 'function')
      add(turns, 'user', [toolResult(message, place, ids)]);
    else add(turns, 'user', userBlocks(message, place));
  }
  if (turns[0]?.role !== 'user') turns.unshift({ role: 'user', content: [{ type: 'text', text: NOTHING_SAID }] });
  trimPrefill(turns);
  return { system, turns };
}

function add(turns: Turn[], role: Turn['role'], blocks: readonly Block[]): void {
  const last = turns.at(-1);
  if (blocks.length === 0) return;
  if (last?.role === role) last.content.push(...blocks);
  else turns.push({ role, content: [...blocks] });
}

function contentBlocks(message: ChatMessage, place: string): Block[] {
  const { content } = message;
  const made = Array.isArray(content)
    ? partsOf(message).map((part, i) => blockOf(part, `${place}.content[${i}]`))
    : [textBlock(content)];
  const blocks = made.filter((block) => block !== null);
  const last = blocks.pop();
  return last ? [...blocks, withCacheControl(last, message)] : [];
}

function userBlocks(message: ChatMessage, place: string): Block[] {
  const blocks = contentBlocks(message, place);
  return blocks.length > 0 ? blocks : [{ type: 'text', text: NOTHING_SAID }];
}

function assistantBlocks(
  message: ChatMessage,
  place: string,
  ids: CallIds,
  isOwn: (model: string) => boolean,
): Block[] {
  ids.beginTurn();
  const { tool_calls: calls, function_call: call, refusal } = message;
  const refused = textBlock(refusal);
  const said = [...contentBlocks(message, place), ...(refused ? [refused] : [])];
  const legacy = isFields(call) ? [{ id: legacyId(call['name']), function: call }] : [];
  const uses = [...(Array.isArray(calls) ? calls : []), ...legacy].flatMap((one: unknown) =>
    isFields(one) ? [toolUse(one, ids)] : [],
  );
  return [...thinkingBlocks(message, isOwn), ...said, ...uses];
}

function toolUse(call: Fields, ids: CallIds): Block {
  const { name, arguments: given } = isFields(call['function']) ? call['function'] : {};
  const block = { type: 'tool_use', id: ids.ofCall(call['id']), name: nameIn(name), input: inputOf(given) };
  return withCacheControl(block, call);
}

/** What is no JSON object stays readable for the model, which has to make sense of its own earlier call. */
function inputOf(given: unknown): Fields {
  if (isFields(given)) return given;
  if (typeof given !== 'string' || given.trim() === '') return {};
  const input: unknown = readableJson(given) === undefined ? undefined : parseKeepingNumbers(given);
  return isFields(input) ? input : { _raw: given };
}

function toolResult(message: ChatMessage, place: string, ids: CallIds): Block {
  const { content } = message;
  const parts = Array.isArray(content) ? contentBlocks({ role: 'tool', content }, place) : null;
  const said = parts ?? (textOf(message) === '' ? undefined : textOf(message));
  const id = ids.ofResult(message.role === 'function' ? legacyId(message['name']) : message['tool_call_id']);
  const block = { type: 'tool_result', tool_use_id: id, ...(said === undefined ? {} : { content: said }) };
  return withCacheControl(block, message);
}

const nameIn = (value: unknown): string => (typeof value === 'string' ? value : '');
/** Functions of the days before tools have no id. */
const legacyId = (name: unknown): string => `function_${nameIn(name)}`;

/** The last turn of an assistant is the beginning of the answer; Anthropic refuses white space at its end. */
function trimPrefill(turns: Turn[]): void {
  const last = turns.at(-1);
  const block = last?.content.at(-1);
  if (last?.role !== 'assistant' || typeof block?.['text'] !== 'string') return;
  last.content[last.content.length - 1] = { ...block, text: block['text'].trimEnd() };
}
