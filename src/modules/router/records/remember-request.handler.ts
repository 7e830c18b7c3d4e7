import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { ChatCompletedEvent } from '../../chat/chat.messages.js';
import { KnownRequests } from './known-requests.js';
import { OpenToolCalls } from './open-tool-calls.js';

/**
 * Remembers who was answered (an answer from the cache had no decision) and which target called a tool, which may be
 * another one than was decided.
 */
@EventsHandler(ChatCompletedEvent)
export class RememberRequestHandler implements IEventHandler<ChatCompletedEvent> {
  constructor(
    private readonly known: KnownRequests,
    private readonly openCalls: OpenToolCalls,
  ) {}

  handle({ chat }: ChatCompletedEvent): void {
    const { requestId, caller, route, cache, completion } = chat;
    if (route && cache.result === 'HIT') this.known.note(caller, requestId);
    const message = completion?.json.choices?.[0]?.message;
    const called = message?.tool_calls?.length || message?.['function_call'];
    this.openCalls.ended(requestId, called && route ? route.target : null);
  }
}
