import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CallerGuard } from './caller.guard.js';
import { Callers } from './callers.js';
import { IdentifyCallerHandler } from './identify-caller.handler.js';

/** Who is calling. Guards every route of the application. */
@Module({
  providers: [Callers, IdentifyCallerHandler, { provide: APP_GUARD, useClass: CallerGuard }],
})
export class IdentityModule {}
