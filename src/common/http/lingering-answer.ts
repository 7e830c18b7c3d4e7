import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { holdsBack } from './continue.js';

/** A rest that is longer, or comes so slowly, is cut off. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_MS = 30_000;
/** A caller that has stopped writing has read the answer, or waits for it without meaning to send more. */
const SILENCE_MS = 2_000;
/** Node itself reads the rest of a body of known length and keeps the connection; a long one is read here, bounded. */
const LONG_BYTES = 1024 * 1024;

/** Whether part of the request's body is still to come and closing, or reading on without a bound, would be the end. */
export function hasRestToCome(request: IncomingMessage, isClosing: boolean): boolean {
  const { complete, headers } = request;
  if (complete) return false;
  return (
    isClosing ||
    holdsBack(request) ||
    headers['transfer-encoding'] !== undefined ||
    Number(headers['content-length']) > LONG_BYTES
  );
}

/**
 * The answer to a request whose body was not read to its end, as a body that ends when the rest of the request has
 * arrived. Closing at once would make the caller's system throw the answer away together with what it still wanted to
 * send (RFC 9112 section 9.6).
 */
export function lingeringAnswer(text: string, request: IncomingMessage): Readable {
  return Readable.from(spoken(text, request), { objectMode: false });
}

async function* spoken(text: string, request: IncomingMessage): AsyncGenerator<string> {
  yield text;
  if (!request.complete && !request.destroyed) await restOf(request);
}

function restOf(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const stop = (): void => {
      clearTimeout(silence);
      clearTimeout(end);
      request.off('data', onData).off('end', stop).off('close', stop).pause();
      resolve();
    };
    const onData = (piece: Buffer): void => {
      silence.refresh();
      bytes += piece.length;
      if (bytes > MOST_BYTES) stop();
    };
    const silence = setTimeout(stop, SILENCE_MS);
    const end = setTimeout(stop, MOST_MS);
    request.on('data', onData).once('end', stop).once('close', stop).resume();
  });
}
