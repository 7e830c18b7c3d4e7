import { Module, type DynamicModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { ListTargetsHandler } from './list-targets.handler.js';
import { ModelController } from './model.controller.js';
import { TargetSearchOptions } from './models.messages.js';
import { SetTargetBreakerHandler } from './set-target-breaker.handler.js';
import { SetTargetDrainedHandler } from './set-target-drained.handler.js';
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
    { provide: TargetCatalogue, useFactory: (config: LiveConfig) => new TargetCatalogue(config), inject: [LiveConfig] },
    StreamModelHandler,
    ListTargetsHandler,
    SetTargetDrainedHandler,
    WarmthWatch,
    {
      provide: TargetSearch,
      useFactory: (config: LiveConfig, options: TargetSearchOptions) => new TargetSearch(config, options),
      inject: [LiveConfig, TargetSearchOptions],
    },
    SetTargetBreakerHandler,
  ],
})
export class ModelsModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly catalogue: TargetCatalogue,
    private readonly search: TargetSearch,
  ) {}

  /** @param options where and how often model servers are looked for */
  static searching(options: TargetSearchOptions): DynamicModule {
    return { module: ModelsModule, providers: [{ provide: TargetSearchOptions, useValue: options }] };
  }

  async onModuleInit(): Promise<void> {
    await this.search.begin();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.catalogue.close();
  }
}
