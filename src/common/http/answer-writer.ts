import type { FastifyReply } from 'fastify';
import type { ServerResponse } from 'node:http';
import { WholeAnswer } from '../chunk-stream.js';
import { giveUpIdleReader, SseWriter, type Relayed, type StreamForm } from './sse-writer.js';

/** Names and values in turn, as Node's `writeHead` takes them without looking at each. */
export type HeaderList = string[];

const SSE_HEADERS: HeaderList = [
  ...['content-type', 'text/event-stream; charset=utf-8'],
  ...['cache-control', 'no-cache, no-transform'],
  ...['x-accel-buffering', 'no'],
];

/** Reads a plain answer to its end; its text is the body exactly as the model server sent it. */
export async function wholeText(answer: Relayed): Promise<string> {
  const whole = new WholeAnswer();
  answer.relay(whole);
  let text = '';
  for (const { frames } of await whole.chunks) for (const frame of frames) text += frame.text;
  return text;
}

/** Sends a whole body. */
export async function sendWhole(reply: FastifyReply, headers: HeaderList, body: string): Promise<void> {
  const bytes = Buffer.byteLength(body);
  headers.push('content-length', String(bytes));
  addOwnHeaders(headers, reply);
  if (reply.answerKeeper) await reply.answerKeeper.keep(byName(headers), body);
  const encoding = bytes === body.length ? 'latin1' : 'utf8'; // ASCII goes out without being looked at
  giveUpIdleReader(headed(reply, headers).end(body, encoding));
}

/** As `sendWhole`, of a body too large to be copied in one go. @param pieces UTF-8 */
export async function sendPieces(reply: FastifyReply, headers: HeaderList, pieces: readonly Buffer[]): Promise<void> {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  headers.push('content-length', String(bytes));
  addOwnHeaders(headers, reply);
  if (reply.answerKeeper) await reply.answerKeeper.keep(byName(headers), Buffer.concat(pieces).toString());
  const response = headed(reply, headers);
  for (const piece of pieces) response.write(piece);
  giveUpIdleReader(response.end());
}

/** Sends an answer as it comes, as server-sent events. */
export function sendStream(reply: FastifyReply, headers: HeaderList, answer: Relayed, form: StreamForm): void {
  headers.push(...SSE_HEADERS);
  addOwnHeaders(headers, reply);
  const copy = reply.answerKeeper?.stream(byName(headers)) ?? null;
  const response = headed(reply, headers);
  new SseWriter(response, answer, form, copy);
}

/** The raw response with its headers; the reply is ours only then, so that headers which Node refuses are an error as any. */
function headed(reply: FastifyReply, headers: HeaderList): ServerResponse {
  for (const part of reply.server.securityHeaders) headers.push(part);
  const response = reply.raw.writeHead(200, headers);
  reply.hijack();
  return response;
}

/** Those that the reply has already: the request's id, CORS, `connection`. */
function addOwnHeaders(headers: HeaderList, reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders() as Record<string, string>)) headers.push(name, value);
}

const byName = (headers: HeaderList): Record<string, string> =>
  Object.fromEntries(headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]!]] : [])));
