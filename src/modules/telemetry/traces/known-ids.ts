import type { IdGenerator } from '@opentelemetry/sdk-trace-base';

/** Gives a span the ids that were told to others before it was made: they are set, and the span is started at once. */
export class KnownIds implements IdGenerator {
  traceId = '';
  spanId = '';

  generateTraceId(): string {
    return this.traceId;
  }

  generateSpanId(): string {
    return this.spanId;
  }
}
