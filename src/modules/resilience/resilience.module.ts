import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { BreakerSharing } from './breaker-sharing.js';
import { CallModelsHandler } from './call-models.handler.js';
import { EmbedModelsHandler } from './embed-models.handler.js';
import { Hedge } from './hedge.js';
import { TargetBreakers } from './target-breakers.js';
import { TargetCalls } from './target-calls.js';

/** Makes a call survive: budget, breaker, retry, fallback, hedge, stream recovery. */
@Module({
  imports: [CqrsModule],
  providers: [CallModelsHandler, EmbedModelsHandler, TargetCalls, Hedge, TargetBreakers, BreakerSharing],
})
export class ResilienceModule {}
