import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { ChatCompletedEvent } from '../chat/chat.messages.js';
import { OpenToolCalls } from './open-tool-calls.js';

/** Remembers which target called a tool; it may be another one than was decided. */
@EventsHandler(ChatCompletedEvent)
export class RememberToolCallHandler implements IEventHandler<ChatCompletedEvent> {
  constructor(private readonly openCalls: OpenToolCalls) {}

  handle({ requestId, route, cache }: ChatCompletedEvent): void {
    const message = cache.completion?.json.choices?.[0]?.message;
    const called = message?.tool_calls?.length || message?.['function_call'];
    this.openCalls.ended(requestId, called && route ? route.target : null);
  }
}
