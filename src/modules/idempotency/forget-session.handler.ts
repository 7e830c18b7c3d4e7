import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { SessionErasedEvent } from '../session/session.messages.js';
import { IdempotencyStore } from './idempotency-store.js';

/** Kept answers hold what was said in the session. */
@EventsHandler(SessionErasedEvent)
export class ForgetSessionHandler implements IEventHandler<SessionErasedEvent> {
  constructor(private readonly store: IdempotencyStore) {}

  async handle(session: SessionErasedEvent): Promise<void> {
    if (session.here) await this.store.forgetSession(session);
  }
}
