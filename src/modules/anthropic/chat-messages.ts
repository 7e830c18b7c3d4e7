import type { ChatMessage, ContentPart, SentToolCall } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { RESULT_FAILED, shownBelow, shownOf } from '../../common/result-notes.js';
import { ownWords } from './billing-header.js';
import type { Block } from './content-faults.js';
import { contentFrom, partsFrom } from './content-parts.js';
import type { SentMessage } from './messages-request.schema.js';
import { reasoningDetails } from './thinking-blocks.js';

/** The message that `system` is, and those of `messages`. */
export function chatMessages(system: string | Block[] | null, messages: readonly SentMessage[]): ChatMessage[] {
  return [...(system === null ? [] : systemMessages(system)), ...messages.flatMap(messagesFrom)];
}

/** Where each of them comes from in the request: `system`, or `messages[2]`. */
export function messagePlaces(system: string | Block[] | null, messages: readonly SentMessage[]): string[] {
  const own = system === null ? [] : systemMessages(system).map(() => 'system');
  return [...own, ...messages.flatMap((message, at) => messagesFrom(message).map(() => `messages[${at}]`))];
}

function messagesFrom({ role, content }: SentMessage): ChatMessage[] {
  if (role === 'system') return systemMessages(content);
  if (role === 'assistant') return [assistantMessage(content)];
  return typeof content === 'string' ? [{ role, content }] : userMessages(content);
}

function systemMessages(system: string | Block[]): ChatMessage[] {
  const parts = partsFrom(system).flatMap((part) => {
    const text = ownWords(part.text as string);
    return text === '' ? [] : [{ ...part, text }];
  });
  return parts.length === 0 ? [] : [{ role: 'system', content: contentFrom(parts) }];
}

/**
 * Results of tools become messages of their own, which have to follow the calls at once; whatever stands beside them
 * comes after, and images of the results before it: a chat's tool message has text alone.
 */
function userMessages(blocks: readonly Block[]): ChatMessage[] {
  const results: ChatMessage[] = [];
  const shown: ContentPart[] = [];
  for (const block of blocks) {
    if (block.type === 'tool_result') results.push(toolMessage(block, shown));
  }
  const said = partsFrom(blocks.filter(({ type }) => type !== 'tool_result'));
  const parts = [...shown, ...said];
  return parts.length === 0 && results.length > 0
    ? results
    : [...results, { role: 'user', content: contentFrom(parts) }];
}

/** @param shown takes what a message with text alone cannot have */
function toolMessage(block: Block, shown: ContentPart[]): ChatMessage {
  const { tool_use_id: id, content, is_error: failed, cache_control: mark } = block;
  const parts = content === undefined || content === null ? [] : partsFrom(content as string | Block[]);
  const texts = parts.filter(({ type }) => type === 'text');
  const others = parts.filter(({ type }) => type !== 'text');
  if (others.length > 0) {
    texts.push({ type: 'text', text: shownBelow(others.length) });
    shown.push({ type: 'text', text: shownOf(id as string) }, ...others);
  }
  if (failed === true) texts.unshift({ type: 'text', text: RESULT_FAILED });
  if (isFields(mark)) {
    if (texts.length === 0) texts.push({ type: 'text', text: '' });
    texts.at(-1)!['cache_control'] = mark;
  }
  return { role: 'tool', tool_call_id: id, content: contentFrom(texts) };
}

function assistantMessage(content: string | Block[]): ChatMessage {
  if (typeof content === 'string') return { role: 'assistant', content };
  const said = partsFrom(content.filter(({ type, text }) => type === 'text' && text !== ''));
  const calls = content.filter(({ type }) => type === 'tool_use').map(toolCall);
  const details = reasoningDetails(content);
  return {
    role: 'assistant',
    content: said.length === 0 && calls.length > 0 ? null : contentFrom(said),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
    ...(details.length > 0 ? { reasoning_details: details } : {}),
  };
}

const toolCall = ({ id, name, input }: Block): SentToolCall => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify((input as Fields | null | undefined) ?? {}) },
});
