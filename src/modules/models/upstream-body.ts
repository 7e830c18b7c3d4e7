import type { ChatMessage, ChatRequest } from '../../common/chat.js';
import { fitConversation } from '../../common/conversation.js';
import { outlineOf } from '../../common/json/outline.js';
import { JsonSource, sourceOf } from '../../common/json/source.js';
import { isTranslated } from '../../common/translated-request.js';
import type { Addressee } from './addressee.js';
import type { ModelCall } from './models.messages.js';
import { plainMessage, plainRequest, withOneText } from './plain-chat.js';

/**
 * The JSON that the target's server gets: everything the caller sent, with the target's own model name, the stored turns
 * that fit its window, an answer to go on with as the last message ("prefill"), and usage asked for (who pays must know).
 * What the caller sent goes on as the text it came in, byte by byte: only members that change are written anew, and stored
 * messages are put in front of the caller's own.
 *
 * What another door translated (`isTranslated`), and what it stored, has no such text and may hold what only other servers
 * know: that is left out.
 */
export function upstreamText(call: ModelCall, target: Addressee): string {
  const request = isTranslated(call.request) ? plainRequest(call.request, target) : call.request;
  const source = sourceOf(call.request) ?? madeHere(request);
  const changed: Record<string, string> = { model: JSON.stringify(target.upstreamModel) };
  const messages = plainMessages(call, target);
  if (messages !== request.messages) changed['messages'] = messagesText(messages, request, source);
  if (request.stream && request.stream_options?.include_usage !== true) {
    const options = source.member('stream_options');
    changed['stream_options'] = options?.with({ include_usage: 'true' }) ?? '{"include_usage":true}';
  }
  return source.with(changed);
}

function plainMessages(call: ModelCall, target: Addressee): readonly ChatMessage[] {
  const messages = upstreamMessages(call, target);
  const { request, history } = call;
  if (!isTranslated(request) && history.length === 0) return messages;
  if (isTranslated(request)) {
    return messages.flatMap((message) => {
      const plain = plainMessage(message, target);
      return plain ? withOneText(plain) : [];
    });
  }
  const untouched = new Set(request.messages);
  return messages.flatMap((message) => {
    if (untouched.has(message)) return message;
    const plain = plainMessage(message, target);
    if (!plain) return [];
    return plain.role === 'user' ? plain : withOneText(plain); // parts of a user every server takes
  });
}

function madeHere(request: ChatRequest): JsonSource {
  const text = JSON.stringify(request);
  return new JsonSource(text, outlineOf(text), false);
}

/** The messages that a model gets: stored turns that fit its window, the caller's, and the answer to go on with. */
export function upstreamMessages({ request, history, partialAnswer }: ModelCall, target: Addressee): ChatMessage[] {
  const { messages } = fitConversation(history, request, target.contextWindow);
  return partialAnswer === null ? messages : [...messages, { role: 'assistant', content: partialAnswer }];
}

function messagesText(messages: readonly ChatMessage[], request: ChatRequest, source: JsonSource): string {
  const texts = source.itemsOf('messages');
  const own = new Map(request.messages.map((message, i) => [message, texts[i]]));
  return `[${messages.map((message) => own.get(message) ?? JSON.stringify(message)).join(',')}]`;
}
