import { trace, type Tracer } from '@opentelemetry/api';
import type { IdGenerator } from '@opentelemetry/sdk-trace-base';

export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/**
 * Registers the tracer provider of the process: spans go in batches to `<endpoint>/v1/traces` (OTLP over HTTP, JSON). The
 * SDK is loaded here only; a service without an endpoint does not spend its memory.
 *
 * @param endpoint base URL of the collector, such as `http://127.0.0.1:4318` @param idGenerator of the ids that spans have
 */
export async function startTracing(endpoint: string, serviceName: string, idGenerator: IdGenerator): Promise<Tracing> {
  const [
    { AlwaysOnSampler, BasicTracerProvider, BatchSpanProcessor },
    { OTLPTraceExporter },
    { resourceFromAttributes },
    { TraceService },
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('nestjs-otel'),
  ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    idGenerator,
    sampler: new AlwaysOnSampler(), // which traces are recorded is decided when a request begins (docs/adr/0028)
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  trace.setGlobalTracerProvider(provider);
  return {
    tracer: new TraceService().getTracer(),
    stop: async () => {
      await provider.shutdown();
      trace.disable();
    },
  };
}
