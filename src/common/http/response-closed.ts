import type { IncomingMessage, ServerResponse } from 'node:http';

/** Whether nobody can be answered any more. */
export const isClosed = ({ socket }: IncomingMessage, response: ServerResponse): boolean =>
  response.closed || response.destroyed || socket?.destroyed;

/**
 * Calls `listener` once when an exchange has ended, however it ended: answered, aborted, hijacked. The close of a response
 * is the one event that always comes, except where it waits behind another one on its connection (pipelining): then it is
 * on no socket yet, and the connection can close without it.
 */
export function onceClosed({ socket }: IncomingMessage, response: ServerResponse, listener: () => void): void {
  if (response.socket !== null || !socket) {
    response.on('close', listener); // it comes once; `once` would make two objects a request
    return;
  }
  const onClose = (): void => {
    response.off('close', onClose);
    socket.off('close', onClose);
    listener();
  };
  response.once('close', onClose);
  socket.once('close', onClose);
}
