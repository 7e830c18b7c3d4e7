import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { DecideRouteHandler } from './decide-route.handler.js';

/** Decides which target answers, and why. */
@Module({ imports: [CqrsModule], providers: [DecideRouteHandler] })
export class RouterModule {}
