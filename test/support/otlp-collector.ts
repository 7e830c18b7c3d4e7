import { ExportEndpoint } from './export-endpoint.js';
import type { OtlpSpan } from './span-collector.js';

type Value = Readonly<Record<string, unknown>>;
type Attributes = readonly { readonly key: string; readonly value: Value }[];

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

export const plain = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** A collector of all three signals of OTLP over HTTP, in JSON. */
export class OtlpCollector extends ExportEndpoint {
  static async start(): Promise<OtlpCollector> {
    return new OtlpCollector(...(await ExportEndpoint.listening(() => '{}'))).take();
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
      this.of<Resource>(path, FIELDS[path]!).map(({ resource }) => plain(resource.attributes)),
    );
  }

  private of<T>(path: string, field: string): T[] {
    return this.taken
      .filter((one) => one.path === path)
      .flatMap(({ text }) => (JSON.parse(text) as Record<string, T[]>)[field] ?? []);
  }
}

const FIELDS: Record<string, string> = {
  '/v1/traces': 'resourceSpans',
  '/v1/metrics': 'resourceMetrics',
  '/v1/logs': 'resourceLogs',
};
