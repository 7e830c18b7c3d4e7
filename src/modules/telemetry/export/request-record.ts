import { TraceFlags } from '@opentelemetry/api';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';

/** Severities of OpenTelemetry's log data model by the methods of the logger. */
const SEVERITIES = { log: ['INFO', 9], warn: ['WARN', 13], error: ['ERROR', 17] } as const;
const BODY = 'request';

/** The line of a request, on its way out. */
export interface RequestRecord {
  readonly line: Readonly<Record<string, unknown>>;
  readonly level: keyof typeof SEVERITIES;
  /** When the request ended, milliseconds since 1970. */
  readonly at: number;
  /** Of its span; `null` = it is in no trace that is recorded. */
  readonly place: { readonly traceId: string; readonly spanId: string } | null;
}

/** Whose telemetry it is. */
export type Origin = Pick<ReadableLogRecord, 'resource' | 'instrumentationScope'>;

/** As the SDK would make it of a `LogRecord`, without the copies that it makes. */
export function logRecordOf({ line, level, at, place }: RequestRecord, origin: Origin): ReadableLogRecord {
  const [severityText, severityNumber] = SEVERITIES[level];
  const seconds = Math.floor(at / 1_000);
  const time: [number, number] = [seconds, Math.round((at - seconds * 1_000) * 1e6)];
  return {
    ...origin,
    hrTime: time,
    hrTimeObserved: time,
    ...(place && { spanContext: { traceId: place.traceId, spanId: place.spanId, traceFlags: TraceFlags.SAMPLED } }),
    severityText,
    severityNumber,
    body: BODY,
    attributes: line as ReadableLogRecord['attributes'], // what is not known is null, and left out by the destinations
    droppedAttributesCount: 0,
  };
}
