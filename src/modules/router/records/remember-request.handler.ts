import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { ChatCompletedEvent } from '../../chat/chat.messages.js';
import { KnownRequests } from './known-requests.js';
import { OpenToolCalls } from './open-tool-calls.js';

/**
 * Remembers who was answered (an answer that was made before or for somebody else had no decision of its own) and which target called a tool, which may be
 * another one than was decided.
 */
@EventsHandler(ChatCompletedEvent)
export class RememberRequestHandler implements IEventHandler<ChatCompletedEvent> {
  constructor(
    private readonly known: KnownRequests,
    private readonly openCalls: OpenToolCalls,
  ) {}

  handle({ chat }: ChatCompletedEvent): void {
    const { requestId, caller, route, pays, completion } = chat;
    if (route && !pays) this.known.note(caller, requestId);
    const message = pays ? completion?.json.choices?.[0]?.message : null; // a kept answer is text until somebody reads it
    const called = message?.tool_calls?.length || message?.['function_call'];
    this.openCalls.ended(requestId, called && route ? route.target : null);
  }
}
