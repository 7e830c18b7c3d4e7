import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CheckAnswerHandler } from './check-answer.handler.js';
import { DecideRouteHandler } from './decide-route.handler.js';

/** Decides which target answers, and why. */
@Module({ imports: [CqrsModule], providers: [DecideRouteHandler, CheckAnswerHandler] })
export class RouterModule {}
