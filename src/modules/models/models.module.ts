import { Module, type DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { DrainSharing } from './drain-sharing.js';
import { DrainedTargets } from './drained-targets.js';
import { EmbedModelHandler } from './embed-model.handler.js';
import { CountTargetLoadHandler } from './count-target-load.handler.js';
import { ListTargetsHandler } from './list-targets.handler.js';
import { ModelController } from './model.controller.js';
import { TargetSearchOptions } from './models.messages.js';
import { SetTargetBreakerHandler } from './set-target-breaker.handler.js';
import { StreamModelHandler } from './stream-model.handler.js';
import { TargetCatalogue } from './target-catalogue.js';
import { WarmthWatch } from './warmth-watch.js';
import { TargetSearch } from './target-search.js';
import { TargetController } from './target.controller.js';

/** The target catalogue, and the transport that speaks to one model once. */
@Module({
  imports: [CqrsModule],
  controllers: [ModelController, TargetController],
  providers: [
    DrainedTargets,
    TargetCatalogue,
    DrainSharing,
    StreamModelHandler,
    EmbedModelHandler,
    ListTargetsHandler,
    CountTargetLoadHandler,
    WarmthWatch,
    TargetSearch,
    SetTargetBreakerHandler,
  ],
})
export class ModelsModule {
  /** @param options where and how often model servers are looked for */
  static searching(options: TargetSearchOptions): DynamicModule {
    return { module: ModelsModule, providers: [{ provide: TargetSearchOptions, useValue: options }] };
  }
}
