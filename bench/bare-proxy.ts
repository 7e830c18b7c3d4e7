/**
 * What the router is compared with, run as a child process: the same path with nothing but Fastify and undici. A plain
 * request's JSON is parsed by Fastify and written again for the upstream, whose text is handed back unread; a stream is
 * piped as bytes. `/json` is the yardstick of cache hits: it takes the same POST and returns an object of 1 kB.
 *
 * Argument: the port of the upstream.
 */
import Fastify, { type FastifyReply } from 'fastify';
import { Pool } from 'undici';
import { announce } from './child.js';
import { PLAIN_COMPLETION, type BenchModel } from './payloads.js';

interface ProxiedBody {
  readonly model: BenchModel;
  readonly stream?: boolean;
}

/** More than any row has requests at once: a pipe does not queue. */
const CONNECTIONS = 2_000;
const HEADERS = { 'content-type': 'application/json' };
const upstream = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: CONNECTIONS });
const app = Fastify({ logger: false });

async function forward(body: ProxiedBody, reply: FastifyReply): Promise<FastifyReply> {
  const response = await upstream.request({
    method: 'POST',
    path: `/${body.model}/v1/chat/completions`,
    headers: HEADERS,
    body: JSON.stringify(body),
  });
  reply.code(response.statusCode).header('content-type', response.headers['content-type']);
  return reply.send(body.stream ? response.body : await response.body.text());
}

app.post<{ Body: ProxiedBody }>('/v1/chat/completions', (request, reply) => forward(request.body, reply));
app.post('/json', () => PLAIN_COMPLETION);

await app.listen({ host: '127.0.0.1', port: 0 });
announce(app.server);
