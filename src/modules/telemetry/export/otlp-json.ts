import type { HrTime, SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Fields } from '../../../common/json/fields.js';

/*
 * OTLP's JSON of spans and log records, written as text at once: the SDK builds every value as objects of objects first, which
 * costs twice as much, and it is written for every request. All items of a batch are of one resource and scope, as there
 * is one provider of each.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */

const NANO_DIGITS = 9;
/** `SpanKind` counts from 0, OTLP from 1. */
const KIND_OFFSET = 1;
/** Characters: longer texts are ids. */
const SHORT = 20;
const MOST_SHORT_TEXTS = 1_000;

/** `"key":"name","value":` of each name that has come; names are ours, so there are few. */
const keys = new Map<string, string>();

function keyOf(name: string): string {
  let key = keys.get(name);
  if (key === undefined) keys.set(name, (key = `{"key":${JSON.stringify(name)},"value":`));
  return key;
}

const textJson = (value: string): string => `{"stringValue":${JSON.stringify(value)}}`;

/** Codes and names come again and again. */
const shortTexts = new Map<string, string>();

function shortTextJson(value: string): string {
  let json = shortTexts.get(value);
  if (json !== undefined) return json;
  json = textJson(value);
  if (shortTexts.size < MOST_SHORT_TEXTS) shortTexts.set(value, json);
  return json;
}

/** @param spans at least one */
export function tracesJson(spans: readonly ReadableSpan[]): Uint8Array {
  let text = '';
  for (const span of spans) text += text === '' ? spanJson(span) : `,${spanJson(span)}`;
  return batchJson('Spans', 'spans', spans[0]!, text);
}

/** @param records at least one */
export function logsJson(records: readonly ReadableLogRecord[]): Uint8Array {
  let text = '';
  for (const record of records) text += text === '' ? recordJson(record) : `,${recordJson(record)}`;
  return batchJson('Logs', 'logRecords', records[0]!, text);
}

type Origin = { readonly resource: Resource; readonly instrumentationScope: { readonly name: string } };

function batchJson(kind: 'Spans' | 'Logs', items: string, { resource, instrumentationScope }: Origin, text: string) {
  const of = `{"attributes":[${attributesJson(resource.attributes)}]}`;
  const scope = `{"name":${JSON.stringify(instrumentationScope.name)}}`;
  return Buffer.from(
    `{"resource${kind}":[{"resource":${of},"scope${kind}":[{"scope":${scope},"${items}":[${text}]}]}]}`,
  );
}

function spanJson(span: ReadableSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const { parentSpanContext: parent, status, events, links } = span;
  let text = `{"traceId":"${traceId}","spanId":"${spanId}","flags":${flagsOf(traceFlags, parent)},`;
  if (parent) text += `"parentSpanId":"${parent.spanId}",`;
  text += `"name":${JSON.stringify(span.name)},"kind":${span.kind + KIND_OFFSET},`;
  text += `"startTimeUnixNano":"${nanos(span.startTime)}","endTimeUnixNano":"${nanos(span.endTime)}",`;
  text += `"attributes":[${attributesJson(span.attributes)}],"status":{"code":${status.code}`;
  if (status.message !== undefined) text += `,"message":${JSON.stringify(status.message)}`;
  text += '}';
  if (events.length > 0) {
    const all = events.map(
      ({ name, time, attributes = {} }) =>
        `{"timeUnixNano":"${nanos(time)}","name":${JSON.stringify(name)},"attributes":[${attributesJson(attributes)}]}`,
    );
    text += `,"events":[${all.join()}]`;
  }
  if (links.length > 0) {
    const all = links.map(
      ({ context }) =>
        `{"traceId":"${context.traceId}","spanId":"${context.spanId}","flags":${flagsOf(context.traceFlags, context)}}`,
    );
    text += `,"links":[${all.join()}]`;
  }
  return `${text}}`;
}

function recordJson(record: ReadableLogRecord): string {
  const { spanContext, hrTime, severityNumber, severityText, body, attributes } = record;
  const at = nanos(hrTime);
  let text = `{"timeUnixNano":"${at}","observedTimeUnixNano":"${at}","severityNumber":${severityNumber},`;
  if (spanContext) {
    text += `"traceId":"${spanContext.traceId}","spanId":"${spanContext.spanId}","flags":${spanContext.traceFlags},`;
  }
  text += `"severityText":"${severityText}","body":${valueJson(body)},"attributes":[${attributesJson(attributes)}]}`;
  return text;
}

function attributesJson(attributes: Fields): string {
  let text = '';
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    text += text === '' ? keyOf(name) : `,${keyOf(name)}`;
    text += `${valueJson(value)}}`;
  }
  return text;
}

/** A number that is whole is an `intValue`, whose JSON is a string or a number; one that is none has no JSON. */
function valueJson(value: unknown): string {
  if (typeof value === 'string') return value.length > SHORT ? textJson(value) : shortTextJson(value);
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return `{"intValue":${value}}`;
    return Number.isFinite(value) ? `{"doubleValue":${value}}` : '{}';
  }
  if (typeof value === 'boolean') return value ? '{"boolValue":true}' : '{"boolValue":false}';
  if (Array.isArray(value)) return `{"arrayValue":{"values":[${value.map(valueJson).join()}]}}`;
  if (typeof value === 'object' && value !== null)
    return `{"kvlistValue":{"values":[${attributesJson(value as Fields)}]}}`;
  return '{}';
}

/** With whether the parent, or what is linked, is of another process: bits 8 (it is known) and 9. */
const flagsOf = (traceFlags: number, other: SpanContext | undefined): number =>
  (traceFlags & 0xff) | 0x100 | (other?.isRemote ? 0x200 : 0);

/** Nanoseconds since 1970. */
const nanos = ([seconds, rest]: HrTime): string => `${seconds}${String(rest).padStart(NANO_DIGITS, '0')}`;
