import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequest } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { repeatedFields } from '../../common/json/repeats.js';
import { keepSource, sourceOf } from '../../common/json/source.js';
import { sessionIdSchema } from '../../common/session-id.js';
import type { ChatAsk } from './chat-facts.js';
import { routeRequestSchema, type RouteRequest } from './chat-request.schema.js';

const READ_HERE: ReadonlySet<string> = new Set([...Object.keys(routeRequestSchema.shape), 'functions']);
const IN_A_MESSAGE = /^messages\b/;

/**
 * The checked request with the text it came in, for the model server.
 *
 * @throws InvalidRequest a field that is read here is named twice: one value would be checked, and the server might take
 *   the other (RFC 8259 section 4)
 */
export function withSentText(request: ChatRequest, body: unknown): ChatRequest {
  const source = sourceOf(body);
  const repeated = source?.hasRepeats ? repeatedFields(source.text) : [];
  const param = repeated.find((path) => READ_HERE.has(path) || IN_A_MESSAGE.test(path));
  if (param) throw new InvalidRequest(`${param}: this field stands twice in one object; leave one of them out.`, param);
  return keepSource(request, source);
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** @throws InvalidRequest that names the header */
function headerOptions(headers: IncomingHttpHeaders): Pick<ChatAsk, 'sessionId' | 'strategy' | 'cacheControl'> {
  const sessionId = single(headers['x-session-id']);
  if (sessionId !== undefined) {
    const checked = sessionIdSchema.safeParse(sessionId);
    if (!checked.success) throw new InvalidRequest(`x-session-id: ${checked.error.issues[0]?.message}`, 'x-session-id');
  }
  return {
    sessionId: sessionId ?? null,
    strategy: single(headers['x-router-strategy']) || null,
    cacheControl: headers['cache-control'],
  };
}

/** Body fields (of `/query` and `/v1/route`, which say why a target was chosen) win over the headers that say the same. */
export function askOf(
  request: ChatRequest,
  caller: Caller,
  incoming: FastifyRequest,
  reply: FastifyReply,
  body: Pick<RouteRequest, 'strategy' | 'session_id'> | null = null,
): ChatAsk {
  const options = headerOptions(incoming.headers);
  return {
    ...options,
    request,
    caller,
    requestId: incoming.id,
    sessionId: body?.session_id ?? options.sessionId,
    keepsTurn: true,
    strategy: body?.strategy ?? options.strategy,
    explain: body !== null,
    startedAt: performance.now() - reply.elapsedTime,
    trace: incoming.server.incomingTraces.begin(incoming),
    signal: incoming.server.callerSignals.of(incoming, reply),
  };
}
