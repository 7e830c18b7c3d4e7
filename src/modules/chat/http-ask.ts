import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { arrivalOf } from '../../common/http/arrival.js';
import { refuseRepeats } from '../../common/http/repeated-members.js';
import { keepSource, sourceOf } from '../../common/json/source.js';
import { routeRequestSchema, type RouteRequest } from './chat-request.schema.js';
import { PLAIN_TURNS, type ChatAsk } from './chat.messages.js';

const READ_HERE: ReadonlySet<string> = new Set([...Object.keys(routeRequestSchema.shape), 'functions']);
const READ_WHOLE = ['messages'];

/**
 * The checked request with the text it came in, for the model server.
 *
 * @throws InvalidRequest a field that is read here is named twice
 */
export function withSentText(request: ChatRequest, body: unknown): ChatRequest {
  refuseRepeats(body, READ_HERE, READ_WHOLE);
  return keepSource(request, sourceOf(body));
}

/** Body fields (of `/query` and `/v1/route`, which say why a target was chosen) win over the headers that say the same. */
export function askOf(
  request: ChatRequest,
  caller: Caller,
  incoming: FastifyRequest,
  reply: FastifyReply,
  body: Pick<RouteRequest, 'strategy' | 'session_id'> | null = null,
): ChatAsk {
  const arrival = arrivalOf(incoming, reply);
  return {
    ...arrival,
    request,
    caller,
    sessionId: body?.session_id ?? arrival.sessionId,
    strategy: body?.strategy ?? arrival.strategy,
    explain: body !== null,
    turns: PLAIN_TURNS,
    keepsTurn: true,
    isRenewal: false,
  };
}
