import { Module, type DynamicModule, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { TellBudgetThresholdHandler } from './alerts/tell-budget-threshold.handler.js';
import { TelemetryExport } from './export/telemetry-export.js';
import { KnownModels } from './known-models.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsPort } from './metrics-port.js';
import { MetricsScrape } from './metrics-scrape.js';
import { AlertMeters } from './metrics/alert-meters.js';
import { Exemplars } from './metrics/exemplars.js';
import { MetricRegistry } from './metrics/metric-registry.js';
import { ReplicaGauges } from './metrics/replica-gauges.js';
import { RequestMeters } from './metrics/request-meters.js';
import { TargetGauges } from './metrics/target-gauges.js';
import { RecordRequestEnd } from './record-request-end.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';
import { FeedbackController } from './records/feedback.controller.js';
import { ReadRecords } from './records/read-records.js';
import { Records } from './records/records.js';
import { RecordsController } from './records/records.controller.js';
import { RequestTraces } from './traces/request-traces.js';
import { ReadUsage } from './usage/read-usage.js';
import { UsageController } from './usage/usage.controller.js';
import { Usage } from './usage/usage.js';

/** Requests that ended become metrics, traces, log lines and usage. Needs `LiveConfig` and the stores from global modules. */
@Module({
  imports: [CqrsModule],
  controllers: [UsageController, RecordsController, FeedbackController],
  providers: [
    KnownModels,
    MetricRegistry,
    Exemplars,
    RequestMeters,
    AlertMeters,
    TargetGauges,
    ReplicaGauges,
    MetricsScrape,
    Usage,
    ReadUsage,
    Records,
    ReadRecords,
    TelemetryExport,
    RequestTraces,
    RecordChatCompletedHandler,
    RecordRequestEnd,
    TellBudgetThresholdHandler,
  ],
})
export class TelemetryModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly usage: Usage,
    private readonly records: Records,
    private readonly exports: TelemetryExport,
    private readonly scrape: MetricsScrape,
  ) {}

  /** With `/metrics` on the service's port, or on one of its own; which one is said at the start. */
  static with({ telemetry }: RouterConfig): DynamicModule {
    const { metricsPort } = telemetry;
    return {
      module: TelemetryModule,
      ...(metricsPort === 0 ? { controllers: [MetricsController] } : { providers: [MetricsPort] }),
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.exports.sendMetrics(() => this.scrape.families());
  }

  /** Its providers have recorded everything by now. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.usage.writer.stop(), this.records.stop()]);
    await this.exports.stop();
  }
}
