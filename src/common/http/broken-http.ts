import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorBody } from '../app-error.js';

type AnsweringSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

const REASON: Record<number, string> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

const statusOf = (code: string | undefined): number => {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
};

/** Answers what is not HTTP (broken framing, headers too large or too slow) in the API's error form, and hangs up. */
export function answerBrokenHttp(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  // an answer has begun on this connection, and bytes put into it would pass for a part of it; Node looks there itself
  if ((socket as AnsweringSocket)._httpMessage?.headersSent) return socket.destroySoon();
  const status = statusOf(error.code);
  const reason = REASON[status] ?? 'Bad Request';
  const body: ErrorBody = {
    error: {
      message: `${reason}: this is not a valid HTTP request.`,
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_request',
    },
  };
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'content-type: application/json; charset=utf-8',
    'x-should-retry: false',
  ];
  socket.end([...head, `content-length: ${Buffer.byteLength(text)}`, 'connection: close', '', text].join('\r\n'));
}
