import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CheckAnswerHandler } from './check-answer.handler.js';
import { DecisionLog } from './decision-log.js';
import { FeedbackController } from './feedback.controller.js';
import { KnownRequests } from './known-requests.js';
import { ReplicaNotes } from './replica-notes.js';
import { OpenToolCalls } from './open-tool-calls.js';
import { RememberRequestHandler } from './remember-request.handler.js';
import { DecideRouteHandler } from './decide-route.handler.js';

/** Decides which target answers, and why. */
@Module({
  imports: [CqrsModule],
  controllers: [FeedbackController],
  providers: [
    DecideRouteHandler,
    CheckAnswerHandler,
    RememberRequestHandler,
    OpenToolCalls,
    KnownRequests,
    ReplicaNotes,
    DecisionLog,
  ],
})
export class RouterModule {}
