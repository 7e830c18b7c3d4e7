import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CheckAnswerHandler } from './answer-check/check-answer.handler.js';
import { DecisionLog } from './records/decision-log.js';
import { FeedbackController } from './records/feedback.controller.js';
import { KnownRequests } from './records/known-requests.js';
import { ReplicaNotes } from './records/replica-notes.js';
import { OpenToolCalls } from './records/open-tool-calls.js';
import { RememberRequestHandler } from './records/remember-request.handler.js';
import { DecideRouteHandler } from './decide-route.handler.js';
import { PolicyVersionHandler } from './policy-version.handler.js';

/** Decides which target answers, and why. */
@Module({
  imports: [CqrsModule],
  controllers: [FeedbackController],
  providers: [
    DecideRouteHandler,
    PolicyVersionHandler,
    CheckAnswerHandler,
    RememberRequestHandler,
    OpenToolCalls,
    KnownRequests,
    ReplicaNotes,
    DecisionLog,
  ],
})
export class RouterModule {}
