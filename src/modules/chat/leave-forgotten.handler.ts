import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { AnswersForgottenEvent } from '../cache/cache.messages.js';
import { SessionErasedEvent } from '../session/session.messages.js';
import { Generations } from './generations.js';

/** What is forgotten while it is being made goes to those who asked before, and to nobody who asks from now on. */
@EventsHandler(AnswersForgottenEvent, SessionErasedEvent)
export class LeaveForgottenHandler implements IEventHandler<AnswersForgottenEvent | SessionErasedEvent> {
  constructor(private readonly generations: Generations) {}

  handle(event: AnswersForgottenEvent | SessionErasedEvent): void {
    if (event instanceof SessionErasedEvent) {
      const { tenant, sessionId } = event.session;
      this.generations.leaveAlone((ask) => ask.caller.tenant === tenant && ask.sessionId === sessionId);
    } else {
      const { tenant, model } = event;
      this.generations.leaveAlone(
        ({ caller, request }) =>
          (tenant ?? caller.tenant) === caller.tenant && (model ?? request.model) === request.model,
      );
    }
  }
}
