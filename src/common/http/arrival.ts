import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequest } from '../app-error.js';
import { sessionIdSchema } from '../session-id.js';
import type { RequestTrace } from '../tracing/request-trace.js';

/** What a route that calls models takes from HTTP beside the body. */
export interface Arrival {
  readonly requestId: string;
  /** `x-session-id` */
  readonly sessionId: string | null;
  /** `x-router-strategy` */
  readonly strategy: string | null;
  readonly cacheControl: string | undefined;
  /** `null` where there is nothing to hand on and nothing to record. */
  readonly trace: RequestTrace | null;
  /** `performance.now()` at arrival, milliseconds. */
  readonly startedAt: number;
  /** Aborts when the caller goes away, or the service ends before the answer does. */
  readonly signal: AbortSignal;
}

/** @throws InvalidRequest that names the header */
export function arrivalOf(incoming: FastifyRequest, reply: FastifyReply): Arrival {
  const { headers, server, id: requestId } = incoming;
  return {
    requestId,
    sessionId: sessionIdIn(headers),
    strategy: single(headers['x-router-strategy']) || null,
    cacheControl: headers['cache-control'],
    startedAt: performance.now() - reply.elapsedTime,
    trace: server.incomingTraces.begin(incoming),
    signal: server.callerSignals.of(incoming, reply),
  };
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

function sessionIdIn(headers: IncomingHttpHeaders): string | null {
  const sessionId = single(headers['x-session-id']);
  if (sessionId === undefined) return null;
  const checked = sessionIdSchema.safeParse(sessionId);
  if (!checked.success) throw new InvalidRequest(`x-session-id: ${checked.error.issues[0]?.message}`, 'x-session-id');
  return sessionId;
}
