import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { KnownModels } from './known-models.js';
import { MetricsController } from './metrics.controller.js';
import { RouterMetrics } from './metrics.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';
import { RequestTraces } from './request-traces.js';
import { UsageController } from './usage.controller.js';
import { UsageLedger } from './usage-ledger.js';

/** Requests that ended become metrics, traces, log lines and usage. Needs `LiveConfig` from a global module. */
@Module({
  imports: [CqrsModule],
  controllers: [MetricsController, UsageController],
  providers: [KnownModels, RouterMetrics, UsageLedger, RequestTraces, RecordChatCompletedHandler],
})
export class TelemetryModule {}
