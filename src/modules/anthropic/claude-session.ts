import type { IncomingHttpHeaders } from 'node:http';
import type { ChatMessage, ChatRequest } from '../../common/chat.js';
import { sessionIdSchema } from '../../common/session-id.js';
import { PLAIN_TURNS, type ChatAsk } from '../chat/chat.messages.js';

/** Which conversation a request belongs to, and what of it is stored. */
export type SessionOfAsk = Pick<ChatAsk, 'sessionId' | 'turns'>;

/**
 * `x-session-id` is what it is on chat completions: its turns are put in front. Claude Code names its session in a header
 * of its own and sends the whole conversation each time; there the session is for keeping to a target and for the record,
 * and stores of each request what is new in it. A name there that is none of ours is not looked at: nobody chose it for us.
 */
export function sessionOf(explicit: string | null, headers: IncomingHttpHeaders, request: ChatRequest): SessionOfAsk {
  if (explicit !== null) {
    return { sessionId: explicit, turns: { ...PLAIN_TURNS, keeps: request.messages.map(unmarked) } };
  }
  const sent = sessionIdSchema.safeParse(headers['x-claude-code-session-id']);
  if (!sent.success) return { sessionId: null, turns: PLAIN_TURNS };
  return { sessionId: sent.data, turns: { ...PLAIN_TURNS, use: 'sent', keeps: newMessages(request) } };
}

/** The messages since the model's last word; one that was begun for it is new as well. */
export function newMessages({ messages }: ChatRequest): ChatMessage[] {
  const last = messages.findLastIndex(({ role }, at) => role === 'assistant' && at < messages.length - 1);
  return messages.slice(last + 1).map(unmarked);
}

/** Marks for a cache are of one call: a vendor takes four of them, and stored ones would add up. */
function unmarked(message: ChatMessage): ChatMessage {
  const { content } = message;
  if (!Array.isArray(content) || !content.some((part) => 'cache_control' in part)) return message;
  return { ...message, content: content.map(({ cache_control: _, ...part }) => part) };
}
