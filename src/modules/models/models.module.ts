import { Inject, Logger, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { discoverTargets } from './discovery/discover-targets.js';
import { ListTargetsHandler } from './list-targets.handler.js';
import { ModelController } from './model.controller.js';
import { SetTargetBreakerHandler } from './set-target-breaker.handler.js';
import { SetTargetDrainedHandler } from './set-target-drained.handler.js';
import { StreamModelHandler } from './stream-model.handler.js';
import { TargetCatalogue } from './target-catalogue.js';
import { WarmthWatch } from './warmth-watch.js';
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
    SetTargetBreakerHandler,
  ],
})
export class ModelsModule implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('models');

  constructor(
    @Inject(LiveConfig) private readonly config: LiveConfig,
    private readonly catalogue: TargetCatalogue,
  ) {}

  /** Without configured targets the ones of this machine are looked for; what is missing is simulated and says so. */
  async onModuleInit(): Promise<void> {
    const { targets, server } = this.config.current;
    if (targets.length > 0) return;
    const { targets: found, notes } = await discoverTargets({ ownPort: server.port });
    await this.config.offerTargets(found);
    for (const note of notes) this.logger.log(note);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.catalogue.close();
  }
}
