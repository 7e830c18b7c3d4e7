import { Module, type DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { KnownModels } from './known-models.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsPort } from './metrics-port.js';
import { MetricsScrape } from './metrics-scrape.js';
import { RouterMetrics } from './metrics.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';
import { RequestTraces } from './request-traces.js';
import { UsageController } from './usage.controller.js';
import { UsageLedger } from './usage-ledger.js';

/** Requests that ended become metrics, traces, log lines and usage. Needs `LiveConfig` from a global module. */
@Module({
  imports: [CqrsModule],
  controllers: [UsageController],
  providers: [KnownModels, RouterMetrics, MetricsScrape, UsageLedger, RequestTraces, RecordChatCompletedHandler],
})
export class TelemetryModule {
  /** With `/metrics` on the service's port, or on one of its own; which one is said at the start. */
  static with({ telemetry }: RouterConfig): DynamicModule {
    const { metricsPort } = telemetry;
    return {
      module: TelemetryModule,
      ...(metricsPort === 0 ? { controllers: [MetricsController] } : { providers: [MetricsPort] }),
    };
  }
}
