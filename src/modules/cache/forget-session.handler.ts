import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { SessionErasedEvent } from '../session/session.messages.js';
import { MemoryAnswerCache } from './memory-answer-cache.js';
import { sessionName } from './session-name.js';

/** Answers that were given in an erased session leave the cache of this replica with it, whichever replica erased it. */
@EventsHandler(SessionErasedEvent)
export class ForgetSessionHandler implements IEventHandler<SessionErasedEvent> {
  constructor(private readonly answers: MemoryAnswerCache) {}

  handle({ tenant, sessionId }: SessionErasedEvent): void {
    this.answers.forgetSession(sessionName(tenant, sessionId));
  }
}
