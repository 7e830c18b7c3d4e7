import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { sessionName } from '../../common/session-id.js';
import { SessionErasedEvent } from '../session/session.messages.js';
import { MemoryAnswerCache } from './memory-answer-cache.js';

/** Answers that were given in an erased session leave the cache of this replica with it, whichever replica erased it. */
@EventsHandler(SessionErasedEvent)
export class ForgetSessionHandler implements IEventHandler<SessionErasedEvent> {
  constructor(private readonly answers: MemoryAnswerCache) {}

  handle({ session }: SessionErasedEvent): void {
    this.answers.forgetSession(sessionName(session));
  }
}
