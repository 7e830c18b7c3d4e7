import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const waiting = new WeakMap<object, ServerResponse>();

/**
 * `Expect: 100-continue` (RFC 9110 section 10.1.1): the caller is told to go on when its body is wanted. Node would say so
 * before anybody has looked at the request, and a body that is refused would be sent all the same.
 */
export function continueLate(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response);
    server.emit('request', request, response);
  });
}

/** The body is wanted now. */
export function goOn(request: object): void {
  waiting.get(request)?.writeContinue();
  waiting.delete(request);
}

/** Whether the caller has not been told to send its body. */
export const holdsBack = (request: object): boolean => waiting.has(request);
