import type { HrTime, SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { ownField, type Fields } from '../../../common/json/fields.js';

/*
 * OTLP's JSON of spans and log records, written as text at once: the SDK builds every value as objects of objects first, which
 * costs twice as much, and it is written for every request.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */

const NANOS_PER_SECOND = 1_000_000_000;
/** `SpanKind` counts from 0, OTLP from 1. */
const KIND_OFFSET = 1;
/** Characters: longer texts are ids. */
const SHORT = 20;
const MOST_SHORT_TEXTS = 1_000;

type Origin = { readonly resource: Resource; readonly instrumentationScope: { readonly name: string } };

/** How items of one kind are written. */
export interface OtlpForm<Item> {
  /** What stands around all items of a request; they are of one resource and scope, as there is one provider of each. */
  around(item: Item): readonly [begin: string, end: string];
  item(item: Item): string;
}

export const SPANS: OtlpForm<ReadableSpan> = { around: (span) => around('Spans', 'spans', span), item: spanJson };
export const LOGS: OtlpForm<ReadableLogRecord> = {
  around: (record) => around('Logs', 'logRecords', record),
  item: recordJson,
};

function around(kind: 'Spans' | 'Logs', items: string, origin: Origin): readonly [string, string] {
  const { resource, instrumentationScope } = origin;
  const of = `{"attributes":[${attributesJson(resource.attributes)}]}`;
  const scope = `{"name":${JSON.stringify(instrumentationScope.name)}}`;
  return [`{"resource${kind}":[{"resource":${of},"scope${kind}":[{"scope":${scope},"${items}":[`, ']}]}]}'];
}

/**
 * A name of an attribute, with what is written around its values. As few pieces as can be: most of what writing costs is
 * putting them together.
 */
class AttributeName {
  readonly key: string;
  readonly text: string;
  readonly int: string;
  readonly double: string;
  readonly yes: string;
  readonly no: string;
  /** Whole attributes by their value: codes and names of the configuration come again and again. */
  readonly texts = new Map<string, string>();

  constructor(name: string) {
    this.key = `,{"key":${JSON.stringify(name)},"value":`;
    this.text = `${this.key}{"stringValue":`;
    this.int = `${this.key}{"intValue":`;
    this.double = `${this.key}{"doubleValue":`;
    this.yes = `${this.key}{"boolValue":true}}`;
    this.no = `${this.key}{"boolValue":false}}`;
  }
}

/** Names are ours, so there are few. */
const names = new Map<string, AttributeName>();
let keptTexts = 0;

function nameOf(name: string): AttributeName {
  let known = names.get(name);
  if (known === undefined) names.set(name, (known = new AttributeName(name)));
  return known;
}

function textOf({ text, texts }: AttributeName, value: string): string {
  if (value.length > SHORT) return `${text}${JSON.stringify(value)}}}`;
  let json = texts.get(value);
  if (json !== undefined) return json;
  json = `${text}${JSON.stringify(value)}}}`;
  if (keptTexts < MOST_SHORT_TEXTS) {
    texts.set(value, json);
    keptTexts += 1;
  }
  return json;
}

/** With a comma in front. */
function attributeJson(name: AttributeName, value: unknown): string {
  if (typeof value === 'string') return textOf(name, value);
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return `${name.int}${value}}}`;
    if (Number.isFinite(value)) return `${name.double}${JSON.stringify(value)}}}`; // without V8's cache of such texts
  }
  if (typeof value === 'boolean') return value ? name.yes : name.no;
  return `${name.key}${valueJson(value)}}`;
}

function spanJson(span: ReadableSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const { parentSpanContext: parent, status, events, links } = span;
  const parentJson = parent ? `"parentSpanId":"${parent.spanId}",` : '';
  const attributes = attributesJson(span.attributes);
  let text = `{"traceId":"${traceId}","spanId":"${spanId}","flags":${flagsOf(traceFlags, parent)},${parentJson}"name":${JSON.stringify(span.name)},"kind":${span.kind + KIND_OFFSET},"startTimeUnixNano":"${nanos(span.startTime)}","endTimeUnixNano":"${nanos(span.endTime)}","attributes":[${attributes}],"status":{"code":${status.code}`;
  text += status.message === undefined ? '}' : `,"message":${JSON.stringify(status.message)}}`;
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

/** @param attributes a plain object: one of ours, or of the SDK */
function attributesJson(attributes: Fields): string {
  let text = '';
  for (const key in attributes) {
    const value = ownField(attributes, key);
    if (value === undefined || value === null) continue;
    const json = attributeJson(nameOf(key), value);
    text = text === '' ? json.slice(1) : text + json;
  }
  return text;
}

/** A number that is whole is an `intValue`, whose JSON is a string or a number; one that is none has no JSON. */
function valueJson(value: unknown): string {
  if (typeof value === 'string') return `{"stringValue":${JSON.stringify(value)}}`;
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return `{"intValue":${value}}`;
    return Number.isFinite(value) ? `{"doubleValue":${value}}` : '{}';
  }
  if (typeof value === 'boolean') return value ? '{"boolValue":true}' : '{"boolValue":false}';
  if (Array.isArray(value)) return `{"arrayValue":{"values":[${Array.from(value, valueJson).join()}]}}`;
  if (typeof value === 'object' && value !== null)
    return `{"kvlistValue":{"values":[${attributesJson(value as Fields)}]}}`;
  return '{}';
}

/** With whether the parent, or what is linked, is of another process: bits 8 (it is known) and 9. */
const flagsOf = (traceFlags: number, other: SpanContext | undefined): number =>
  (traceFlags & 0xff) | 0x100 | (other?.isRemote ? 0x200 : 0);

/** Nanoseconds since 1970. */
const nanos = ([seconds, rest]: HrTime): string => `${seconds}${JSON.stringify(NANOS_PER_SECOND + rest).slice(1)}`;
