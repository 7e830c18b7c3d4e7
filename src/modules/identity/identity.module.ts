import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CallerGuard } from './caller.guard.js';
import { Callers } from './callers.js';
import { FrontDoor } from './front-door.js';
import { JwtSignIn } from './jwt-sign-in.js';

/** Who is calling, and who may not. Stands in front of every route of the application. */
@Module({
  imports: [CqrsModule],
  providers: [JwtSignIn, Callers, CallerGuard, FrontDoor],
})
export class IdentityModule {}
