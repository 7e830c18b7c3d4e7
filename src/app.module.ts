import { Global, Module, type DynamicModule } from '@nestjs/common';
import { LiveConfig } from './common/config/live-config.js';
import { AnsweredPrices } from './common/prices/answered-prices.js';
import { MessagingModule } from './common/messaging/messaging.module.js';
import { StoresModule } from './common/stores.module.js';
import { AnthropicModule } from './modules/anthropic/anthropic.module.js';
import { CacheModule } from './modules/cache/cache.module.js';
import { ChatModule } from './modules/chat/chat.module.js';
import { EmbeddingsModule } from './modules/embeddings/embeddings.module.js';
import { HealthModule } from './modules/health/health.module.js';
import { IdempotencyModule } from './modules/idempotency/idempotency.module.js';
import { IdentityModule } from './modules/identity/identity.module.js';
import { ModelsModule } from './modules/models/models.module.js';
import { QuotaModule } from './modules/quota/quota.module.js';
import { ResilienceModule } from './modules/resilience/resilience.module.js';
import { ResponsesModule } from './modules/responses/responses.module.js';
import { RouterModule } from './modules/router/router.module.js';
import { SessionModule } from './modules/session/session.module.js';
import { TelemetryModule } from './modules/telemetry/telemetry.module.js';

@Global()
@Module({})
class ConfigModule {
  static with(config: LiveConfig): DynamicModule {
    const providers = [{ provide: LiveConfig, useValue: config }, AnsweredPrices];
    return { module: ConfigModule, providers, exports: [LiveConfig, AnsweredPrices] };
  }
}

/** All modules of the service. They know each other's messages and nothing else. */
@Module({})
export class AppModule {
  static with(config: LiveConfig, search: Parameters<typeof ModelsModule.searching>[0]): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ...[ConfigModule.with(config), MessagingModule, StoresModule, ModelsModule.searching(search)],
        ...[ChatModule, ResponsesModule, AnthropicModule, EmbeddingsModule],
        ...[RouterModule, ResilienceModule, SessionModule],
        ...[CacheModule, IdentityModule, QuotaModule, HealthModule, IdempotencyModule],
        TelemetryModule.with(config.current), // behind chat, in the documentation as well: feedback is about an answer
      ],
    };
  }
}
