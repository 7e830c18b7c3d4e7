import type { ISerializer } from '@opentelemetry/otlp-transformer';
import type { Destination, Signal } from '../destination.js';
import { BatchBuffers, OtlpBatch } from '../otlp-batch.js';
import { LOGS, SPANS, type OtlpForm } from '../otlp-json.js';
import { EXPORT_MS, OtlpSignal } from './otlp-signal.js';

/** Batches on their way are bounded by the queues; this is above them. */
const MOST_ON_THE_WAY = 16;

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
  const [{ createOtlpHttpExportDelegate }, sdk, { Agent }] = await Promise.all([
    import('@opentelemetry/otlp-exporter-base/node-http'),
    import('@opentelemetry/otlp-transformer'),
    endpoint.startsWith('https:') ? import('node:https') : import('node:http'),
  ]);
  const base = endpoint.replace(/\/+$/, '');
  const signalOf = <Items>(
    signal: Signal,
    serializer: ISerializer<Items, unknown>,
    helper: Parameters<typeof createOtlpHttpExportDelegate<Items, unknown>>[3],
  ): OtlpSignal<Items> => {
    const agent = new Agent({ keepAlive: true });
    const options = {
      url: `${base}/v1/${signal}`,
      headers: () => Promise.resolve({ ...headers, 'Content-Type': 'application/json' }),
      timeoutMillis: EXPORT_MS,
      concurrencyLimit: MOST_ON_THE_WAY,
      compression: 'none' as const,
      agentFactory: () => agent,
    };
    return new OtlpSignal(serializer, agent, (own) =>
      createOtlpHttpExportDelegate(options, own, 'otlp_http_json_exporter', helper, undefined),
    );
  };
  const spans = signalOf('traces', written(sdk.JsonTraceSerializer), counted(sdk.TraceExporterMetricsHelper));
  const logs = signalOf('logs', written(sdk.JsonLogsSerializer), counted(sdk.LogsExporterMetricsHelper));
  const metrics = signalOf('metrics', sdk.JsonMetricsSerializer, sdk.MetricsExporterMetricsHelper);
  return {
    name: `the OTLP endpoint ${new URL(endpoint).host}`,
    spans: batchesOf(SPANS, spans),
    logs: batchesOf(LOGS, logs),
    metrics: async (all) => (await metrics.deliver(all, 1)).delivery,
    async close() {
      for (const signal of [spans, logs, metrics]) signal.close();
    },
  };
}

type AnyBatch = OtlpBatch<never>;

/** A batch is its own text; what the endpoint answers, the SDK reads. */
const written = (sdk: ISerializer<never, unknown>): ISerializer<AnyBatch, unknown> => ({
  serializeRequest: ({ text }) => text,
  deserializeResponse: (data) => sdk.deserializeResponse(data),
});

const counted = <Helper extends object>(sdk: Helper) => ({ ...sdk, countItems: ({ size }: AnyBatch) => size });

function batchesOf<Item>(form: OtlpForm<Item>, signal: OtlpSignal<OtlpBatch<Item>>): () => OtlpBatch<Item> {
  const buffers = new BatchBuffers();
  return () => new OtlpBatch(form, buffers, (batch) => signal.deliver(batch, batch.size));
}
