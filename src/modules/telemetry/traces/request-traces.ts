import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { Attempt } from '../../../common/attempt.js';
import type { RequestTrace, TraceStep } from '../../../common/tracing/request-trace.js';
import type { CompletedChat } from '../../chat/chat.messages.js';
import { TelemetryExport } from '../export/telemetry-export.js';
import { GEN_AI, operationOf, type Operation } from '../genai-names.js';
import { KnownModels } from '../known-models.js';
import { KnownIds } from './known-ids.js';
import { attemptAttributes, httpAttributes, requestAttributes } from './span-attributes.js';

const SERVER_ERROR = 500;
/** Results of the cache for which nothing was looked up. */
const NOT_ASKED: ReadonlySet<string | null> = new Set(['DISABLED', 'BYPASS']);

/** A request that no model answered: turned away, refused, or a repeat. */
export interface UnansweredRequest {
  /** Pattern of the route. */
  readonly route: string;
  readonly requestId: string;
  readonly status: number;
  readonly errorCode: string | null;
  readonly totalMs: number;
}

/**
 * One span a request, one child a call of a model server, made when the request has ended: until then its path carries ids and
 * times alone. Nothing a caller or a model server wrote is in a span. Off without a destination of telemetry.
 */
@Injectable()
export class RequestTraces implements OnApplicationBootstrap {
  private readonly ids = new KnownIds();
  private tracer: Tracer | null = null;

  constructor(
    private readonly exports: TelemetryExport,
    private readonly models: KnownModels,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.tracer = await this.exports.tracer(this.ids);
  }

  /**
   * The spans of calls are made with the request that pays for them; where its caller has come to lead a generation, they are in
   * the trace of the request they were made for.
   *
   * @param endTime milliseconds since 1970
   * @param requested the name asked for
   * @param answered that of the model that answered; both as they may be shown
   */
  record(chat: CompletedChat, endTime: number, requested: string, answered: string | null): void {
    const isRecorded = chat.trace?.isRecorded === true;
    if (!this.tracer || (!isRecorded && !chat.attempts.some(isTraced))) return;
    const zero = Date.now() - performance.now(); // of both clocks, as the one of the process does not follow a correction
    const operation = operationOf(chat);
    for (const [i, attempt] of chat.attempts.entries()) this.recordAttempt(attempt, i + 1, zero, operation);
    if (!chat.trace?.isRecorded) return;
    const { isRenewal, result } = chat.cache;
    const span = this.start(isRenewal ? `renew ${requested}` : `chat ${requested}`, chat.trace, {
      kind: isRenewal ? SpanKind.INTERNAL : SpanKind.SERVER,
      startTime: endTime - chat.timing.totalMs,
      links: linksTo(chat.joined),
    });
    span.setAttributes(requestAttributes(chat, requested, answered)); // with the options it would copy them twice
    for (const step of chat.trace.steps) {
      if (step.name !== 'cache.lookup' || !NOT_ASKED.has(result)) addStep(span, step, zero);
    }
    if (chat.outcome !== 'answered') {
      failRequest(span, chat.errorCode ?? chat.outcome, chat.outcome === 'cut' || chat.status >= SERVER_ERROR, endTime);
    }
    span.end(endTime);
  }

  /** A request for a model that none answered. */
  recordUnanswered(trace: RequestTrace, request: UnansweredRequest): void {
    if (!this.tracer || !trace.isRecorded) return;
    const { route, requestId, status, errorCode, totalMs } = request;
    const endTime = Date.now();
    const attributes = { ...httpAttributes(route, status), 'router.request_id': requestId };
    const startTime = endTime - totalMs;
    const span = this.start(`POST ${route}`, trace, { kind: SpanKind.SERVER, startTime, attributes });
    if (errorCode !== null) failRequest(span, errorCode, status >= SERVER_ERROR, endTime);
    span.end(endTime);
  }

  private recordAttempt(attempt: Attempt, number: number, zero: number, operation: Operation): void {
    const { trace: made } = attempt;
    if (!made) return;
    const { place } = made.request;
    const model = this.models.answered(made.target.model);
    this.ids.spanId = made.spanId;
    const options = { kind: SpanKind.CLIENT, startTime: zero + attempt.startedAt };
    const span = this.tracer!.startSpan(`${operation} ${model}`, options, within(place.traceId, place.spanId, false));
    span.setAttributes(attemptAttributes(attempt, made, number, model, operation));
    if (made.beganAt > 0) span.addEvent('first_token', undefined, zero + made.beganAt);
    if (attempt.outcome !== 'ok') fail(span, attempt.outcome, attempt.outcome !== 'aborted');
    span.end(zero + (made.endedAt || attempt.startedAt + attempt.ms));
  }

  private start(name: string, { place }: RequestTrace, options: Parameters<Tracer['startSpan']>[1]): Span {
    const { traceId, spanId, parentId } = place;
    this.ids.traceId = traceId;
    this.ids.spanId = spanId;
    const context = parentId === null ? ROOT_CONTEXT : within(traceId, parentId, true);
    return this.tracer!.startSpan(name, options, context);
  }
}

const isTraced = ({ trace }: Attempt): boolean => trace !== undefined && trace !== null;

/** Below a span that is recorded, here or at the caller's. */
const within = (traceId: string, spanId: string, isRemote: boolean): Context =>
  trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, isRemote, traceFlags: TraceFlags.SAMPLED });

function linksTo(joined: RequestTrace | null) {
  if (!joined?.isRecorded) return [];
  const { traceId, spanId } = joined.place;
  return [{ context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED } }];
}

function addStep(span: Span, { name, startedAt, ms, outcome }: TraceStep, zero: number): void {
  span.addEvent(name, { 'router.store.outcome': outcome, 'router.store.duration_ms': ms }, zero + startedAt);
}

/**
 * @param isFault of this service or of a model server; what a caller did wrong leaves the status of a span unset
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status
 */
function fail(span: Span, type: string, isFault: boolean): void {
  span.setAttribute(GEN_AI.errorType, type);
  if (isFault) span.setStatus({ code: SpanStatusCode.ERROR, message: type });
}

/** A fault is an exception as well: what Application Insights lists as such, by its code. */
function failRequest(span: Span, type: string, isFault: boolean, at: number): void {
  fail(span, type, isFault);
  if (isFault) span.addEvent('exception', { 'exception.type': type, 'exception.message': type, ...NO_STACK }, at);
}

const NO_STACK = { 'exception.stacktrace': '' };
