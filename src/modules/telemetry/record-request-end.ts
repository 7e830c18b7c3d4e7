import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CLIENT_CLOSED_REQUEST } from '../../common/http/request-ends.js';
import { AUTO_MODEL } from '../../common/config/live-config.js';
import { isFields } from '../../common/json/fields.js';
import { OTHER } from '../../common/logging/outside-text.js';
import type { RequestTrace } from '../../common/tracing/request-trace.js';
import { TelemetryExport } from './export/telemetry-export.js';
import { KnownModels } from './known-models.js';
import { RequestMeters } from './metrics/request-meters.js';
import { Records } from './records/records.js';
import { rounded } from './request-line.js';
import { dayOf, NO_COUNTS, NO_TARGET } from './usage/usage-row.js';
import { RequestTraces } from './traces/request-traces.js';
import { Usage } from './usage/usage.js';

/** The route on which the model may be left out. */
const WITHOUT_MODEL = '/query';
/** What is scraped is no request of a caller; probes are known by their access. */
const NOT_TOLD: ReadonlySet<string | undefined> = new Set(['/metrics']);

/**
 * A request ended that no model answered: turned away at the door, refused, a repeat of an `Idempotency-Key`, or one of a route
 * that calls no model. Its log line and its metrics; its usage and its record where a caller that is known wanted
 * a model.
 */
@Injectable()
export class RecordRequestEnd implements OnModuleInit {
  private readonly logger = new Logger('requests');
  private readonly httpLogger = new Logger('http');

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly models: KnownModels,
    private readonly metrics: RequestMeters,
    private readonly usage: Usage,
    private readonly records: Records,
    private readonly traces: RequestTraces,
    private readonly exports: TelemetryExport,
  ) {}

  onModuleInit(): void {
    const { requestEnds } = this.host.httpAdapter.getInstance<FastifyInstance>();
    requestEnds.listen(
      (request, reply, status) => this.record(request, reply, status),
      (status) => this.metrics.recordHttp(OTHER, status), // anybody can send it, as often as he likes: no line
    );
  }

  private record(request: FastifyRequest, reply: FastifyReply, status: number): void {
    const { config, url } = request.routeOptions;
    if (config.access === 'probe' || NOT_TOLD.has(url)) return;
    const route = url ?? OTHER;
    const model = config.callsModels ? this.requestedModel(request) : null;
    const logger = model === null ? this.httpLogger : this.logger;
    const level = levelOf(status, request.errorCode);
    const trace = model === null ? null : request.server.incomingTraces.begin(request);
    const line = lineOf(request, reply, { route, model, status, traceId: trace?.recordedId ?? null });
    logger[level](line, 'request');
    this.exports.emit(line, level, Date.now(), trace);
    if (model === null) return this.metrics.recordHttp(route, status);
    this.metrics.recordUnanswered(model, status);
    if (trace) this.trace(trace, request, route, status, reply.elapsedTime);
    const { caller, id: requestId, errorCode } = request;
    if (!caller) return;
    const { tenant, user } = caller;
    const key = { day: dayOf(Date.now()), tenant, user, model, target: NO_TARGET };
    this.usage.writer.record({ ...NO_COUNTS, ...key, requests: 1 });
    const end = { status, outcome: outcomeOf(status), errorCode, totalMs: reply.elapsedTime };
    this.records.recordUnanswered({ requestId, caller, model, ...end });
  }

  private trace(trace: RequestTrace, request: FastifyRequest, route: string, status: number, totalMs: number): void {
    const { id: requestId, errorCode } = request;
    this.traces.recordUnanswered(trace, { route, requestId, status, errorCode, totalMs });
  }

  /** `other` where nothing was read of the request. */
  private requestedModel({ body, routeOptions }: FastifyRequest): string {
    if (!isFields(body)) return OTHER;
    const { model = routeOptions.url === WITHOUT_MODEL ? AUTO_MODEL : null } = body;
    return typeof model === 'string' ? this.models.requested(model) : OTHER;
  }
}

const levelOf = (status: number, errorCode: string | null): 'log' | 'warn' | 'error' =>
  errorCode === 'internal_error' ? 'error' : status >= 500 ? 'warn' : 'log';

const outcomeOf = (status: number): 'answered' | 'failed' | 'aborted' =>
  status === CLIENT_CLOSED_REQUEST ? 'aborted' : status >= 400 ? 'failed' : 'answered';

interface LineFacts {
  readonly route: string;
  readonly model: string | null;
  readonly status: number;
  /** `null` where no trace is recorded. */
  readonly traceId: string | null;
}

function lineOf(
  { id, method, caller, errorCode }: FastifyRequest,
  reply: FastifyReply,
  { route, model, status, traceId }: LineFacts,
): Record<string, unknown> {
  return {
    request_id: id,
    ...(traceId === null ? {} : { trace_id: traceId }),
    tenant: caller?.tenant ?? null,
    user: caller?.user ?? null,
    method,
    route,
    ...(model === null ? {} : { model }),
    outcome: outcomeOf(status),
    status,
    error_code: errorCode,
    ...(reply.hasHeader('idempotent-replayed') ? { replayed: true } : {}),
    total_ms: rounded(reply.elapsedTime),
  };
}
