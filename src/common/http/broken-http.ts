import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { InvalidRequest } from '../app-error.js';

type AnsweringSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

/** Beside those of the refusal itself. */
type Headers = Readonly<Record<string, string>>;
type Refusal = readonly [status: number, message: string];

const NO_HTTP: Refusal = [400, 'Bad Request: this is not a valid HTTP request.'];
const REFUSALS: ReadonlyMap<string | undefined, Refusal> = new Map([
  ['HPE_HEADER_OVERFLOW', [431, 'Request Header Fields Too Large: path and headers together may have 16 KiB.']],
  ['ERR_HTTP_REQUEST_TIMEOUT', [408, 'Request Timeout: the request took too long to arrive.']],
]);
const NO_EXPECTATION: Refusal = [417, 'Expect: 100-continue is the only expectation that can be met.'];
const NO_PROXY: Refusal = [405, 'CONNECT: this service is no proxy. GET /docs lists all routes.'];

/** Is told of each refusal. */
type OnRefused = (status: number) => void;

/** Answers what is not HTTP (broken framing, headers too large or too slow) in the API's error form, and hangs up. */
export function answerBrokenHttp(
  error: NodeJS.ErrnoException,
  socket: Socket,
  headers: Headers,
  onRefused: OnRefused,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  // an answer has begun on this connection, and bytes put into it would pass for a part of it; Node looks there itself
  if ((socket as AnsweringSocket)._httpMessage?.headersSent) return socket.destroySoon();
  refuse(socket, REFUSALS.get(error.code) ?? NO_HTTP, headers, onRefused);
}

/** What Node answers by itself, or with silence, before anybody is asked. */
export function answerForNode(server: Server, headers: Headers, onRefused: OnRefused): void {
  server.on('checkExpectation', ({ socket }) => refuse(socket, NO_EXPECTATION, headers, onRefused));
  server.on('connect', (_, socket) => refuse(socket, NO_PROXY, headers, onRefused));
}

function refuse(socket: Duplex, refusal: Refusal, headers: Headers, onRefused: OnRefused): void {
  socket.end(refused(refusal, headers));
  onRefused(refusal[0]);
}

function refused([status, message]: Refusal, headers: Headers): string {
  const text = JSON.stringify(new InvalidRequest(message).toBody());
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    'x-should-retry: false',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `x-request-id: ${randomUUID()}`,
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  return [...head, '', text].join('\r\n');
}
