import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
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
import type { Attempt } from '../../common/attempt.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { CompletedChat } from '../chat/chat.messages.js';
import { startTracing, type Tracing } from './adapters/otlp-tracing.js';

/** `version-traceid-parentid-flags`. @see https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * One span a request, one child an attempt, made when the request has ended: the path of the request carries no tracing.
 * Nothing a caller wrote is in a span. Off without `telemetry.otlpEndpoint`.
 */
@Injectable()
export class RequestTraces implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('telemetry');
  private tracing: Tracing | null = null;

  constructor(private readonly config: LiveConfig) {}

  async onApplicationBootstrap(): Promise<void> {
    const { otlpEndpoint, serviceName } = this.config.current.telemetry;
    if (otlpEndpoint === '') return;
    this.tracing = await startTracing(otlpEndpoint, serviceName);
    this.logger.log(`traces go to ${new URL(otlpEndpoint).host}`);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.tracing?.stop().catch((error: unknown) => this.logger.warn({ err: error }, 'the last traces are lost'));
  }

  /**
   * @param endTime milliseconds since 1970
   * @param requested the name asked for
   * @param answered that of the model that answered; both as they may be shown
   */
  record(chat: CompletedChat, endTime: number, requested: string, answered: string | null): void {
    if (!this.tracing) return;
    const { tracer } = this.tracing;
    const startTime = endTime - chat.timing.totalMs;
    const options = { kind: SpanKind.SERVER, startTime, attributes: attributesOf(chat, requested, answered) };
    const span = tracer.startSpan(`chat ${requested}`, options, parentOf(chat.traceparent));
    const context = trace.setSpan(ROOT_CONTEXT, span);
    for (const attempt of chat.attempts) recordAttempt(tracer, attempt, context);
    if (chat.outcome !== 'answered') fail(span, chat.errorCode ?? chat.outcome);
    span.end(endTime);
  }
}

function recordAttempt(tracer: Tracer, { target, startedAt, outcome, status, ms }: Attempt, context: Context): void {
  const startTime = performance.timeOrigin + startedAt;
  const attributes = {
    'router.target': target,
    'router.outcome': outcome,
    ...(status === undefined ? {} : { 'http.response.status_code': status }),
  };
  const span = tracer.startSpan(`attempt ${target}`, { kind: SpanKind.CLIENT, startTime, attributes }, context);
  if (outcome !== 'ok') fail(span, outcome);
  span.end(startTime + ms);
}

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: type });
}

/**
 * Names that begin with `gen_ai.` are of OpenTelemetry's conventions, which are still moving; this is the place to change.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/
 */
function attributesOf(
  { requestId, route, usage, costUsd, cache, outcome }: CompletedChat,
  requested: string,
  answered: string | null,
) {
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': requested,
    'router.request_id': requestId,
    'router.outcome': outcome,
    'router.cache': cache.result,
    ...(answered !== null && { 'gen_ai.response.model': answered }),
    ...(route && {
      'router.target': route.target,
      'router.tier': route.tier,
      'router.strategy': route.strategy,
      'router.reason': route.reasonCode,
      'router.fallback': route.fallback,
    }),
    ...(typeof usage?.prompt_tokens === 'number' && { 'gen_ai.usage.input_tokens': usage.prompt_tokens }),
    ...(typeof usage?.completion_tokens === 'number' && { 'gen_ai.usage.output_tokens': usage.completion_tokens }),
    ...(costUsd === null ? {} : { 'router.cost_usd': costUsd }),
  };
}

function parentOf(traceparent: string | null): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (!traceId || !spanId || !flags) return ROOT_CONTEXT;
  const traceFlags = parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
