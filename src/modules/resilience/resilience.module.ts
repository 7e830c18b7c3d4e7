import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { BreakerSharing } from './breaker-sharing.js';
import { CallModelsHandler } from './call-models.handler.js';
import { TargetAttempts } from './target-attempts.js';
import { TargetBreakers } from './target-breakers.js';

/** Makes a call survive: budget, breaker, retry, fallback, hedge, stream recovery. */
@Module({ imports: [CqrsModule], providers: [CallModelsHandler, TargetAttempts, TargetBreakers, BreakerSharing] })
export class ResilienceModule {}
