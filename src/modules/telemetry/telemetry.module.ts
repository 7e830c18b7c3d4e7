import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { FailedEventLog } from './failed-event-log.js';
import { KnownModels } from './known-models.js';
import { MetricsController } from './metrics.controller.js';
import { RouterMetrics } from './metrics.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';
import { ReportUsageHandler } from './report-usage.handler.js';
import { RequestTraces } from './request-traces.js';
import { UsageController } from './usage.controller.js';
import { UsageLedger } from './usage-ledger.js';

/** Events of the other modules become metrics, log lines and usage. Needs `LiveConfig` from a global module. */
@Module({
  imports: [CqrsModule],
  controllers: [MetricsController, UsageController],
  providers: [
    KnownModels,
    RouterMetrics,
    UsageLedger,
    RequestTraces,
    FailedEventLog,
    RecordChatCompletedHandler,
    ReportUsageHandler,
  ],
})
export class TelemetryModule {}
