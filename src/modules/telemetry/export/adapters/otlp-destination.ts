import type { ExportResult } from '@opentelemetry/core';
import type { ISerializer } from '@opentelemetry/otlp-transformer';
import { inTime } from '../../../../common/in-time.js';
import { DELIVERED, type Delivery, type Destination, type Signal } from '../destination.js';
import { BatchBuffers, OtlpBatch } from '../otlp-batch.js';
import { LOGS, SPANS, type OtlpForm } from '../otlp-json.js';

/** Everything of one batch, tries again included. */
const EXPORT_MS = 10_000;
/** An answer that drips in never ends by itself. */
const LATE_MS = 1_000;
/** `ExportResultCode.SUCCESS` */
const SUCCESS = 0;
/** Batches on their way are bounded by the queues; this is above them. */
const MOST_ON_THE_WAY = 16;

interface Exporter<Items> {
  export(items: Items, done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
}

/**
 * OTLP over HTTP, JSON: `<endpoint>/v1/traces`, `/v1/metrics`, `/v1/logs`. Built of the parts of OpenTelemetry's own exporters,
 * which would also read `OTEL_EXPORTER_OTLP_*`; here nothing but the configuration counts.
 *
 * @param endpoint base URL of the collector, such as `http://127.0.0.1:4318`
 */
export async function otlpDestination(
  endpoint: string,
  headers: Readonly<Record<string, string>>,
): Promise<Destination> {
  const [{ createOtlpHttpExportDelegate }, transformer, { Agent }] = await Promise.all([
    import('@opentelemetry/otlp-exporter-base/node-http'),
    import('@opentelemetry/otlp-transformer'),
    endpoint.startsWith('https:') ? import('node:https') : import('node:http'),
  ]);
  const agent = new Agent({ keepAlive: true });
  const base = endpoint.replace(/\/+$/, '');
  const exporter = <Items, Response>(
    signal: Signal,
    serializer: ISerializer<Items, Response>,
    counted: Parameters<typeof createOtlpHttpExportDelegate<Items, Response>>[3],
  ): Exporter<Items> =>
    createOtlpHttpExportDelegate(
      {
        url: `${base}/v1/${signal}`,
        headers: () => Promise.resolve({ ...headers, 'Content-Type': 'application/json' }),
        timeoutMillis: EXPORT_MS,
        concurrencyLimit: MOST_ON_THE_WAY,
        compression: 'none',
        agentFactory: () => agent,
      },
      serializer,
      'otlp_http_json_exporter',
      counted,
      undefined,
    );
  const { JsonTraceSerializer, JsonMetricsSerializer, JsonLogsSerializer } = transformer;
  const metrics = exporter('metrics', JsonMetricsSerializer, transformer.MetricsExporterMetricsHelper);
  const spans = exporter('traces', written(JsonTraceSerializer), counted(transformer.TraceExporterMetricsHelper));
  const logs = exporter('logs', written(JsonLogsSerializer), counted(transformer.LogsExporterMetricsHelper));
  return {
    name: `the OTLP endpoint ${new URL(endpoint).host}`,
    spans: batchesOf(SPANS, spans),
    logs: batchesOf(LOGS, logs),
    metrics: (all) => delivered(metrics, all, 1),
    close: () => Promise.resolve(agent.destroy()),
  };
}

type AnyBatch = OtlpBatch<never>;

/** A batch is its own text; what the endpoint answers, the SDK reads. */
const written = <Response>(sdk: ISerializer<never, Response>): ISerializer<AnyBatch, Response> => ({
  serializeRequest: ({ bytes }) => bytes,
  deserializeResponse: (data) => sdk.deserializeResponse(data),
});

const counted = <Helper extends object>(sdk: Helper) => ({ ...sdk, countItems: ({ size }: AnyBatch) => size });

function batchesOf<Item>(form: OtlpForm<Item>, out: Exporter<OtlpBatch<Item>>): () => OtlpBatch<Item> {
  const buffers = new BatchBuffers();
  return () => new OtlpBatch(form, buffers, (batch) => delivered(out, batch, batch.size));
}

async function delivered<Items>(exporter: Exporter<Items>, items: Items, count: number): Promise<Delivery> {
  const { promise, resolve, reject } = Promise.withResolvers<ExportResult>();
  try {
    exporter.export(items, resolve);
  } catch (error) {
    reject(error);
  }
  try {
    const result = await inTime(promise, EXPORT_MS + LATE_MS, null);
    if (result && (result.code as number) === SUCCESS) return DELIVERED;
    return { lost: count, problem: result ? problemOf(result.error) : 'no answer in time' };
  } catch (error) {
    return { lost: count, problem: problemOf(error) };
  }
}

/** In our own words: what an endpoint writes stands in no log. */
function problemOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  if (typeof code === 'number') return `HTTP ${code}`;
  if (typeof code === 'string') return code;
  if (message === 'Request timed out') return 'no answer in time';
  return message === 'Export failed with retryable status'
    ? 'it is overloaded'
    : ((error as Error | null)?.name ?? 'unknown');
}
