import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RouterConfig } from '../config/config.schema.js';
import type { LiveConfig } from '../config/live-config.js';
import { RequestTrace } from './request-trace.js';
import { readTraceParent, readTraceState, SAMPLED, type TraceParent } from './trace-context.js';
import { newSpanId, newTraceId } from './trace-ids.js';

declare module 'fastify' {
  interface FastifyInstance {
    incomingTraces: IncomingTraces;
  }
}

/** Which traces are recorded. */
interface TraceTerms {
  /** Whether spans go anywhere. */
  readonly isOn: boolean;
  /** Of 2^32 traces that begin here, so many are recorded. */
  readonly recorded: number;
}

const ALL = 2 ** 32;

const termsOf = ({ telemetry }: RouterConfig): TraceTerms => {
  const { otlpEndpoint, azureMonitorConnectionString, traceRatio } = telemetry;
  return {
    isOn: otlpEndpoint !== '' || azureMonitorConnectionString !== '',
    recorded: traceRatio >= 1 ? ALL : Math.floor(traceRatio * (ALL - 1)),
  };
};

/**
 * The trace of each request, as its caller's headers and `telemetry.traceRatio` want it. Whether it is recorded is decided
 * before anybody is called, so that model servers are told (docs/adr/0028).
 */
export class IncomingTraces {
  private readonly terms: () => TraceTerms;

  constructor(config: LiveConfig) {
    this.terms = config.derived(termsOf);
  }

  /** Anew for each call. @returns `null` where there is nothing to hand on and nothing to record */
  begin(request: FastifyRequest): RequestTrace | null {
    const { traceparent, tracestate } = request.headers;
    const { isOn, recorded } = this.terms();
    const parent = traceparent === undefined ? null : readTraceParent(traceparent);
    if (parent !== null) return continued(request, parent, isOn, readTraceState(tracestate));
    if (!isOn) return null;
    const traceId = newTraceId();
    const isRecorded = isRecordedAt(traceId, recorded);
    return new RequestTrace({
      traceId,
      spanId: newSpanId(),
      parentId: null,
      flags: isRecorded ? SAMPLED : 0,
      isRecorded,
      state: null,
      route: isRecorded ? routeOf(request) : null,
    });
  }
}

/** Makes `incomingTraces` known to all routes. */
export function useIncomingTraces(fastify: FastifyInstance, config: LiveConfig): void {
  fastify.decorate('incomingTraces', new IncomingTraces(config));
}

/** Where the caller records, so does this service; where no span is made, the caller's own is handed on. */
function continued(
  request: FastifyRequest,
  { traceId, parentId, flags }: TraceParent,
  isOn: boolean,
  state: string | null,
): RequestTrace {
  const isRecorded = isOn && (flags & SAMPLED) !== 0;
  const spanId = isRecorded ? newSpanId() : parentId;
  const route = isRecorded ? routeOf(request) : null;
  return new RequestTrace({ traceId, spanId, parentId, flags, isRecorded, state, route });
}

const routeOf = ({ routeOptions }: FastifyRequest): string | null => routeOptions.url ?? null;

/**
 * Whether a trace that begins here is among those that are recorded: the function of its id that OpenTelemetry's
 * `TraceIdRatioBasedSampler` is in JavaScript, so that services in a row choose alike.
 */
export function isRecordedAt(traceId: string, recorded: number): boolean {
  if (recorded === ALL) return true;
  if (recorded === 0) return false;
  let mixed = 0;
  for (let i = 0; i < traceId.length; i += 8) mixed = (mixed ^ parseInt(traceId.slice(i, i + 8), 16)) >>> 0;
  return mixed < recorded;
}
