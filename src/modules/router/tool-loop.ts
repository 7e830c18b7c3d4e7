import { createHash, hash } from 'node:crypto';
import type { ChatRequest } from '../../common/chat.js';
import { textOf } from '../../common/chat.js';
import { isFilled, isToolCallOpen } from '../../common/conversation.js';

/** As much of each message as tells conversations apart, characters. */
const TOLD_APART = 4096;
/** Messages in front of the first one of the user that are looked at. */
const MOST_MESSAGES = 32;
/** 2^48: six bytes of a digest make a number that is held exactly. */
const SIX_BYTES = 281_474_976_710_656;

/** Whether a tool may be called: only then does it matter that the next request finds the same target. */
export const offersTools = (request: ChatRequest): boolean =>
  isFilled(request.tools) || isFilled(request['functions']) || isToolCallOpen(request, []);

/**
 * Names a conversation by its beginning up to the first message of the user, which every later request of it repeats, for
 * a tenant and a model name. The same on every replica.
 */
export function conversationKey({ model, messages }: ChatRequest, tenant: string): string {
  const digest = createHash('sha256').update(JSON.stringify([tenant, model]));
  for (const message of messages.slice(0, MOST_MESSAGES)) {
    const text = textOf(message);
    digest.update(JSON.stringify([message.role, text.length, text.slice(0, TOLD_APART)]));
    if (message.role === 'user') break;
  }
  return digest.digest('base64url');
}

/** A number above 0 and below 1 that is the same for the same conversation and target. */
export const drawOf = (conversation: string, target: string): number =>
  (hash('sha256', `${conversation} ${target}`, 'buffer').readUIntBE(0, 6) + 0.5) / SIX_BYTES;
