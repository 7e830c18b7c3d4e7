import { Injectable, Logger } from '@nestjs/common';
import { diag, DiagLogLevel, trace, type DiagLogFunction, type HrTime, type Tracer } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { MeterProvider, MetricProducer } from '@opentelemetry/sdk-metrics';
import type { BasicTracerProvider, IdGenerator, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { azureConnection } from '../../../common/config/azure-connection.js';
import { LiveConfig } from '../../../common/config/live-config.js';
import { inTime } from '../../../common/in-time.js';
import type { RequestTrace } from '../../../common/tracing/request-trace.js';
import { replicaName } from '../../../common/replica-name.js';
import { VERSION } from '../../../common/version.js';
import type { MetricFamily } from '../metrics/exposition.js';
import { MetricRegistry } from '../metrics/metric-registry.js';
import { azureDestination } from './adapters/azure-destination.js';
import { otlpDestination } from './adapters/otlp-destination.js';
import { SIGNALS, type Destination, type Signal } from './destination.js';
import { ExportLine } from './export-line.js';
import { metricsOf } from './registry-metrics.js';
import { logRecordOf, type Origin, type RequestRecord } from './request-record.js';

/** At the end of the process everything that waits goes out within this, milliseconds, or is lost. */
const LAST_MS = 5_000;
const METRICS_EVERY_MS = 60_000;
const METRICS_MS = 15_000;
const MOST_OF_DIAGNOSIS = 200;
/** Of what an SDK would cut or leave out; spans are ours and bounded where they are made. */
const SPAN_LIMITS = {
  attributeCountLimit: 128,
  attributeValueLengthLimit: Infinity,
  eventCountLimit: 128,
  linkCountLimit: 128,
  attributePerEventCountLimit: 128,
  attributePerLinkCountLimit: 128,
};

/** Reads everything that is counted. */
export type MetricSource = () => Promise<readonly MetricFamily[]>;

/**
 * The one place where telemetry leaves the process: traces, metrics and request lines go to the OTLP endpoint and to Azure
 * Monitor, where they are configured; else no SDK is loaded. Nobody waits for it, and what it holds is bounded.
 */
@Injectable()
export class TelemetryExport {
  private readonly logger = new Logger('telemetry');
  private readonly lost = new Map<Signal, number>(SIGNALS.map((signal) => [signal, 0]));
  private lines: readonly ExportLine[] = [];
  private resource: Resource | null = null;
  /** Of the lines of requests. */
  private origin: Origin | null = null;
  private tracers: BasicTracerProvider | null = null;
  private meters: MeterProvider | null = null;
  private opening: Promise<void> | null = null;

  constructor(
    private readonly config: LiveConfig,
    metrics: MetricRegistry,
  ) {
    metrics.total(
      'router_export_dropped_total',
      'What OTLP and Azure Monitor did not get: spans, request lines, times that metrics were sent.',
      ['signal'],
      () => Promise.resolve([...this.lost].map(([signal, value]) => ({ labels: { signal }, value }))),
    );
  }

  /**
   * Of the process; `null` = there is nobody to send spans to.
   *
   * @param idGenerator of the ids that spans have; every span that is started is sent
   */
  async tracer(idGenerator: IdGenerator): Promise<Tracer | null> {
    await this.open();
    const { resource, lines } = this;
    if (!resource) return null;
    const [{ AlwaysOnSampler, BasicTracerProvider }, { TraceService }] = await Promise.all([
      import('@opentelemetry/sdk-trace-base'),
      import('nestjs-otel'),
    ]);
    this.tracers = new BasicTracerProvider({
      resource,
      idGenerator,
      sampler: new AlwaysOnSampler(), // which traces are recorded is decided when a request begins
      spanLimits: SPAN_LIMITS,
      generalLimits: SPAN_LIMITS,
      spanProcessors: [new SpanFork(lines)],
    });
    trace.setGlobalTracerProvider(this.tracers);
    return new TraceService().getTracer();
  }

  /** From now on all metrics go out every minute, and once more at the end. */
  async sendMetrics(source: MetricSource): Promise<void> {
    await this.open();
    const { resource, lines } = this;
    if (!resource) return;
    const sdk = await import('@opentelemetry/sdk-metrics');
    const startTime = hrTimeOf(performance.timeOrigin);
    const producer: MetricProducer = {
      async collect() {
        const metrics = metricsOf(await source(), sdk, startTime, hrTimeOf(Date.now()));
        return { errors: [], resourceMetrics: { resource, scopeMetrics: [{ scope: { name: SCOPE }, metrics }] } };
      },
    };
    this.meters = new sdk.MeterProvider({
      resource,
      readers: lines.map(
        ({ metrics: exporter }) =>
          new sdk.PeriodicExportingMetricReader({
            exporter,
            exportIntervalMillis: METRICS_EVERY_MS,
            exportTimeoutMillis: METRICS_MS,
            metricProducers: [producer],
          }),
      ),
    });
  }

  /** The line of one request. @param at when it ended, milliseconds since 1970 */
  emit(line: RequestRecord['line'], level: RequestRecord['level'], at: number, trace: RequestTrace | null): void {
    if (this.origin === null) return;
    const place = trace?.isRecorded ? trace.place : null;
    const record = logRecordOf({ line, level, at, place }, this.origin);
    for (const { records } of this.lines) records.add(record);
  }

  /** What is left goes out, within 5 s. */
  async stop(): Promise<void> {
    const { lines, meters } = this;
    await Promise.all([
      ...lines.map((line) => line.end(LAST_MS)),
      meters && inTime(meters.shutdown(), LAST_MS, undefined),
    ]);
    await Promise.all(lines.map((line) => line.close()));
    if (!this.tracers) return;
    this.tracers = null;
    trace.disable();
  }

  private open(): Promise<void> {
    return (this.opening ??= this.openIfPossible());
  }

  private async openIfPossible(): Promise<void> {
    try {
      await this.openAll();
    } catch (err) {
      this.logger.error({ err }, 'nothing can be exported; the service goes on without');
    }
  }

  private async openAll(): Promise<void> {
    const {
      otlpEndpoint,
      otlpHeaders,
      azureMonitorConnectionString: azure,
      serviceName,
    } = this.config.current.telemetry;
    if (otlpEndpoint === '' && azure === '') return;
    this.hearSdk();
    const destinations: Destination[] = [];
    if (otlpEndpoint !== '') destinations.push(await otlpDestination(otlpEndpoint, otlpHeaders));
    const connection = azure === '' ? null : azureConnection(azure); // the schema has refused what is none
    if (connection && typeof connection !== 'string') destinations.push(await azureDestination(connection));
    const { resourceFromAttributes } = await import('@opentelemetry/resources');
    const resource = resourceFromAttributes({
      'service.name': serviceName,
      'service.version': VERSION,
      'service.instance.id': replicaName(),
    });
    this.lines = destinations.map(
      (destination) =>
        new ExportLine(destination, (signal, count) => this.lost.set(signal, (this.lost.get(signal) ?? 0) + count)),
    );
    this.resource = resource;
    this.origin = { resource, instrumentationScope: { name: SCOPE } };
    for (const { name } of destinations) this.logger.log(`traces, metrics and request lines go to ${name}`);
  }

  /** What an SDK says goes to the log for who looks closely: whether something arrives is said once, by us. */
  private hearSdk(): void {
    const hear: DiagLogFunction = (message) => this.logger.debug(String(message).slice(0, MOST_OF_DIAGNOSIS));
    const silent: DiagLogFunction = () => undefined;
    diag.setLogger(
      { error: hear, warn: hear, info: silent, debug: silent, verbose: silent },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
  }
}

const SCOPE = 'hybrid-llm-router';

const hrTimeOf = (ms: number): HrTime => [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];

/** Gives each destination every span that has ended. */
class SpanFork implements SpanProcessor {
  constructor(private readonly lines: readonly ExportLine[]) {}

  onStart(): void {}

  onEnd(span: Parameters<SpanProcessor['onEnd']>[0]): void {
    for (const { spans } of this.lines) spans.add(span);
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.lines.map(({ spans }) => spans.flush()));
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}
