import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { SessionErasedEvent } from '../session/session.messages.js';
import { Forgetting } from './forgetting.js';

/** Answers that were given in an erased session leave the memory of this replica with it, whichever replica erased it. */
@EventsHandler(SessionErasedEvent)
export class ForgetSessionHandler implements IEventHandler<SessionErasedEvent> {
  constructor(private readonly forgetting: Forgetting) {}

  handle({ session }: SessionErasedEvent): void {
    this.forgetting.forgetSessionSoon(session);
  }
}
