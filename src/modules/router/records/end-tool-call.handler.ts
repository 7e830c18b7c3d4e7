import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { ChatCompletedEvent } from '../../chat/chat.messages.js';
import { OpenToolCalls } from './open-tool-calls.js';

/** Remembers which target called a tool, which may be another one than was decided. */
@EventsHandler(ChatCompletedEvent)
export class EndToolCallHandler implements IEventHandler<ChatCompletedEvent> {
  constructor(private readonly openCalls: OpenToolCalls) {}

  handle({ chat }: ChatCompletedEvent): void {
    const { requestId, route, pays, completion } = chat;
    const message = pays ? completion?.json.choices?.[0]?.message : null; // a kept answer is text until somebody reads it
    const called = message?.tool_calls?.length || message?.['function_call'];
    this.openCalls.ended(requestId, called && route ? route.target : null);
  }
}
