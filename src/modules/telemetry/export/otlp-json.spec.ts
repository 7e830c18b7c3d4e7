import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { JsonLogsSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { DELIVERED } from './destination.js';
import { BatchBuffers, OtlpBatch } from './otlp-batch.js';
import { LOGS, SPANS, type OtlpForm } from './otlp-json.js';
import { logRecordOf } from './request-record.js';

const resource = resourceFromAttributes({ 'service.name': 'ours', 'service.version': '1' });
const PLACE = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };

/** As it is read: without the zeros and empty lists that are the same as nothing. */
const read = (json: Uint8Array | undefined): unknown =>
  JSON.parse(Buffer.from(json!).toString(), (name, value: unknown) =>
    name.startsWith('dropped') || (Array.isArray(value) && value.length === 0) ? undefined : value,
  );

const buffers = new BatchBuffers();

async function written<Item>(form: OtlpForm<Item>, items: readonly Item[]): Promise<Uint8Array> {
  let sent = new Uint8Array();
  const batch = new OtlpBatch(form, buffers, async ({ text }) => {
    sent = Uint8Array.from(text);
    return { delivery: DELIVERED, isRead: true };
  });
  for (const item of items) batch.add(item);
  await batch.send();
  return sent;
}

function spansOf(): ReadableSpan[] {
  const spans: ReadableSpan[] = [];
  const nothing = () => Promise.resolve();
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [{ onStart() {}, onEnd: (span) => void spans.push(span), forceFlush: nothing, shutdown: nothing }],
  });
  const tracer = provider.getTracer('ours');
  const remote = trace.setSpanContext(ROOT_CONTEXT, { ...PLACE, traceFlags: TraceFlags.SAMPLED, isRemote: true });
  const options = {
    kind: SpanKind.SERVER,
    startTime: [1_700_000_000, 42] as [number, number],
    attributes: {
      text: 'a "quoted" \u2028 \\ \ud83d\ude00',
      whole: 12,
      part: 0.25,
      yes: true,
      no: false,
      list: ['a', 'b'],
    },
    links: [{ context: { ...PLACE, traceFlags: TraceFlags.SAMPLED } }],
  };
  const span = tracer.startSpan('chat "auto"', options, remote);
  span.addEvent('first_token', { 'router.ms': 1.5 }, 1_700_000_000_123);
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'cut' });
  tracer.startSpan('attempt', { kind: SpanKind.CLIENT }, trace.setSpan(ROOT_CONTEXT, span)).end();
  span.end();
  return spans;
}

describe('OTLP as JSON', () => {
  it('of spans says what the SDK says', async () => {
    const spans = spansOf();
    expect(spans).toHaveLength(2);
    expect(read(await written(SPANS, spans))).toEqual(read(JsonTraceSerializer.serializeRequest(spans)));
  });

  it('of log records says what the SDK says', async () => {
    const line = {
      request_id: 'r',
      status: 200,
      cost_usd: 0.5,
      stream: false,
      failed_attempts: [{ target: 'a', ms: 3 }],
    };
    const origin = { resource, instrumentationScope: { name: 'ours' } };
    const records = [PLACE, null].map((place) =>
      logRecordOf({ line, level: 'warn', at: 1_700_000_000_123, place }, origin),
    );
    expect(read(await written(LOGS, records))).toEqual(read(JsonLogsSerializer.serializeRequest(records)));
  });

  it('leaves out what is not known', async () => {
    const origin = { resource, instrumentationScope: { name: 'ours' } };
    const record = logRecordOf({ line: { target: null, model: 'auto' }, level: 'log', at: 1, place: null }, origin);
    expect(Buffer.from(await written(LOGS, [record])).toString()).not.toContain('target');
  });
});
