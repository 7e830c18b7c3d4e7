import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { BackgroundWork } from '../../../common/background-work.js';
import { inTime } from '../../../common/in-time.js';
import { CUT_SHORT, type Destination, type Signal } from './destination.js';
import { ExportQueue } from './export-queue.js';
import { ExportWatch } from './export-watch.js';

const CLOSE_MS = 1_000;

/** What goes to one destination: its queues, and who says how it goes. */
export class ExportLine {
  readonly spans: ExportQueue<ReadableSpan>;
  readonly records: ExportQueue<ReadableLogRecord>;
  /** For a reader of metrics. */
  readonly metrics: MetricLine;

  /** @param count adds to what was lost, over all destinations */
  constructor(
    private readonly destination: Destination,
    count: (signal: Signal, lost: number) => void,
  ) {
    const watch = (signal: Signal): ExportWatch => new ExportWatch(destination.name, signal, count);
    const [traces, logs, metrics] = [watch('traces'), watch('logs'), watch('metrics')];
    this.spans = new ExportQueue(
      'the export of traces',
      () => destination.spans(),
      (delivery) => traces.delivered(delivery),
    );
    this.records = new ExportQueue(
      'the export of request lines',
      () => destination.logs(),
      (delivery) => logs.delivered(delivery),
    );
    this.metrics = new MetricLine(destination, metrics);
  }

  /** What waits goes out within `ms` milliseconds, or is lost. */
  async end(ms: number): Promise<void> {
    await Promise.all([this.spans.end(ms), this.records.end(ms)]);
  }

  /** What is still on its way does not count any more. */
  async close(): Promise<void> {
    this.metrics.end();
    await inTime(this.destination.close(), CLOSE_MS, undefined);
  }
}

class MetricLine implements PushMetricExporter {
  private readonly background = new BackgroundWork('telemetry');
  private onTheWay = 0;
  private hasEnded = false;

  constructor(
    private readonly destination: Destination,
    private readonly watch: ExportWatch,
  ) {}

  /** Whether it arrived is told and counted here: the reader would tell of it with a stack. */
  export(metrics: ResourceMetrics, done: Parameters<PushMetricExporter['export']>[1]): void {
    this.onTheWay += 1;
    this.background.launch('the export of metrics', async () => {
      const delivery = await this.destination.metrics(metrics);
      done({ code: 0 });
      if (this.hasEnded) return;
      this.onTheWay -= 1;
      this.watch.delivered(delivery);
    });
  }

  end(): void {
    this.hasEnded = true;
    if (this.onTheWay > 0) this.watch.delivered({ lost: this.onTheWay, problem: CUT_SHORT });
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}
