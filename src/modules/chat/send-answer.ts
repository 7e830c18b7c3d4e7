import type { FastifyReply } from 'fastify';
import type { ChatExchange } from './chat-exchange.js';
import { SseWriter } from './sse-writer.js';

type Headers = Readonly<Record<string, string>>;

const SSE_HEADERS: Headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** Sends a whole body. The reply's own headers (CORS, `connection`) go out with it. */
export async function sendWhole(reply: FastifyReply, headers: Headers, body: string): Promise<void> {
  const all = { ...(reply.getHeaders() as Headers), ...headers, 'content-length': String(Buffer.byteLength(body)) };
  if (reply.answerKeeper) await reply.answerKeeper.keep(all, body);
  reply.hijack().raw.writeHead(200, flat(all)).end(body);
}

/** Sends an answer as it comes, as server-sent events. */
export function sendStream(reply: FastifyReply, headers: Headers, exchange: ChatExchange): void {
  const all = { ...(reply.getHeaders() as Headers), ...headers, ...SSE_HEADERS };
  const copy = reply.answerKeeper?.stream(all) ?? null;
  const { raw: response } = reply.hijack();
  response.writeHead(200, flat(all));
  const withUsage = exchange.facts.ask.request.stream_options?.include_usage === true;
  new SseWriter(response, exchange, withUsage, copy);
}

/** Names and values in turn, as `writeHead` takes them without looking at each. */
function flat(headers: Headers): string[] {
  const list: string[] = [];
  for (const [name, value] of Object.entries(headers)) list.push(name, value);
  return list;
}
