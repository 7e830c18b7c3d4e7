import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { ChatCompletedEvent } from '../chat/chat.messages.js';
import { sessionName } from '../../common/session-id.js';
import { MemoryAnswerCache } from './memory-answer-cache.js';
import { storableAnswer } from './storable-answer.js';

/** Keeps complete, successful answers; a `no-cache` request replaces what was kept. */
@EventsHandler(ChatCompletedEvent)
export class StoreAnswerHandler implements IEventHandler<ChatCompletedEvent> {
  constructor(
    private readonly config: LiveConfig,
    private readonly answers: MemoryAnswerCache,
  ) {}

  handle({ chat }: ChatCompletedEvent): void {
    const { enabled, ttlSeconds } = this.config.current.cache;
    const { key } = chat.cache;
    if (!enabled || key === null) return;
    const answer = storableAnswer(chat);
    const session =
      chat.sessionId === null ? null : sessionName({ tenant: chat.caller.tenant, sessionId: chat.sessionId });
    const beganAt = performance.now() - chat.timing.totalMs;
    if (answer) this.answers.set(key, answer, ttlSeconds, session, beganAt);
  }
}
