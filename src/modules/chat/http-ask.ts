import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequest } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { arrivalOf } from '../../common/http/arrival.js';
import { repeatedFields } from '../../common/json/repeats.js';
import { keepSource, sourceOf } from '../../common/json/source.js';
import { routeRequestSchema, type RouteRequest } from './chat-request.schema.js';
import { PLAIN_TURNS, type ChatAsk } from './chat.messages.js';

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
