import { trace, type ProxyTracerProvider } from '@opentelemetry/api';
import { ExportEndpoint, type Taken } from './export-endpoint.js';
import { eventually } from './router-calls.js';

type Value = Readonly<Record<string, unknown>>;
type Attributes = readonly { readonly key: string; readonly value: Value }[];

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
}

export const SERVER = 2;
export const CLIENT = 3;

/** The request's span of a trace, and those of its attempts in the order in which they were begun. */
export interface CollectedTrace {
  readonly request: OtlpSpan;
  readonly attempts: readonly OtlpSpan[];
}

interface NumberPoint {
  readonly attributes: Attributes;
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly asDouble?: number;
  readonly asInt?: number | string;
  readonly count?: number | string;
  readonly sum?: number;
  readonly bucketCounts?: readonly (number | string)[];
  readonly explicitBounds?: readonly number[];
}

interface Points {
  readonly dataPoints: readonly NumberPoint[];
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
}

export interface OtlpMetric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: Points;
  readonly gauge?: Points;
  readonly histogram?: Points;
}

export interface OtlpLog {
  readonly timeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: Value;
  readonly attributes: Attributes;
  readonly traceId?: string;
  readonly spanId?: string;
}

interface Resource {
  readonly resource: { readonly attributes: Attributes };
}

export const attributesOf = ({ attributes }: { readonly attributes: Attributes }): Record<string, unknown> =>
  plain(attributes);
export const durationMs = ({ startTimeUnixNano: from, endTimeUnixNano: to }: OtlpSpan): number =>
  Number(BigInt(to) - BigInt(from)) / 1e6;
export const plain = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** A collector of all three signals of OTLP over HTTP, in JSON. */
export class OtlpCollector extends ExportEndpoint {
  private partial = { rejected: 0 };
  /** What was taken, read. */
  private readonly read = new Map<Taken, Record<string, unknown[]>>();

  static async start(): Promise<OtlpCollector> {
    const partial = { rejected: 0 };
    const answer = ({ path }: Taken): string =>
      partial.rejected === 0
        ? '{}'
        : JSON.stringify({ partialSuccess: { [REJECTED[path]!]: String(partial.rejected), errorMessage: 'secret' } });
    const collector = new OtlpCollector(...(await ExportEndpoint.listening(answer))).take();
    collector.partial = partial;
    return collector;
  }

  /** Items of each request that it says it refused, in an answer of 200. */
  set rejects(count: number) {
    this.partial.rejected = count;
  }

  get spans(): OtlpSpan[] {
    return this.of<{ scopeSpans: { spans: OtlpSpan[] }[] }>('/v1/traces', 'resourceSpans').flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans),
    );
  }

  get logs(): OtlpLog[] {
    return this.of<{ scopeLogs: { logRecords: OtlpLog[] }[] }>('/v1/logs', 'resourceLogs').flatMap(({ scopeLogs }) =>
      scopeLogs.flatMap(({ logRecords }) => logRecords),
    );
  }

  /** As they were sent last. */
  get metrics(): OtlpMetric[] {
    const last = this.of<{ scopeMetrics: { metrics: OtlpMetric[] }[] }>('/v1/metrics', 'resourceMetrics').at(-1);
    return last?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
  }

  /** Attributes of every resource that something came from. */
  get resources(): Record<string, unknown>[] {
    return ['/v1/traces', '/v1/metrics', '/v1/logs'].flatMap((path) =>
      this.of<Resource>(path, FIELDS[path]!).map(({ resource }) => attributesOf(resource)),
    );
  }

  /** Has a router of this process send the spans that it has. */
  async flush(): Promise<void> {
    const provider = (trace.getTracerProvider() as ProxyTracerProvider).getDelegate();
    await (provider as { forceFlush?(): Promise<void> }).forceFlush?.();
  }

  /** Resolves with the latest request, of a router of this process, that `isWanted` knows by its attributes. */
  async traceOf(isWanted: (attributes: Record<string, unknown>, span: OtlpSpan) => boolean): Promise<CollectedTrace> {
    const find = () => this.spans.findLast((span) => span.kind === SERVER && isWanted(attributesOf(span), span));
    await eventually('the span of the request arrives', 10_000, async () => {
      await this.flush();
      return find() !== undefined;
    });
    const request = find()!;
    const attempts = this.spans.filter(({ kind, parentSpanId }) => kind === CLIENT && parentSpanId === request.spanId);
    const number = (span: OtlpSpan): number => Number(attributesOf(span)['router.attempt.number']);
    return { request, attempts: attempts.sort((a, b) => number(a) - number(b)) };
  }

  private of<T>(path: string, field: string): T[] {
    return this.taken.filter((one) => one.path === path).flatMap((one) => (this.readOnce(one)[field] ?? []) as T[]);
  }

  private readOnce(taken: Taken): Record<string, unknown[]> {
    let found = this.read.get(taken);
    if (!found) this.read.set(taken, (found = JSON.parse(taken.text) as Record<string, unknown[]>));
    return found;
  }
}

const REJECTED: Record<string, string> = {
  '/v1/traces': 'rejectedSpans',
  '/v1/metrics': 'rejectedDataPoints',
  '/v1/logs': 'rejectedLogRecords',
};

const FIELDS: Record<string, string> = {
  '/v1/traces': 'resourceSpans',
  '/v1/metrics': 'resourceMetrics',
  '/v1/logs': 'resourceLogs',
};
