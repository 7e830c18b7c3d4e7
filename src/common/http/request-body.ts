import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { CallerGone } from './caller-signal.js';
import { tooLarge } from './body-limit.js';
import { goOn } from './continue.js';
import { decode, decodersOf, type Done } from './content-encoding.js';

const NOTHING = Buffer.alloc(0);

/**
 * Reads a body to its end and undoes its `Content-Encoding`, both within the limit. What comes after the limit is not
 * read here: the error's answer sees to the rest.
 *
 * @param done told once: PayloadTooLarge, UnsupportedMediaType, InvalidRequest (not what its coding says), CallerGone
 */
export function readBody(headers: IncomingHttpHeaders, payload: Readable, limitBytes: number, done: Done): void {
  const decoders = decodersOf(headers['content-encoding']);
  if (decoders instanceof Error) return done(decoders, NOTHING);
  if (Number(headers['content-length']) > limitBytes) return done(tooLarge(limitBytes), NOTHING);
  goOn(payload);
  const pieces: Buffer[] = [];
  let bytes = 0;
  const onData = (piece: Buffer): void => {
    bytes += piece.length;
    if (bytes > limitBytes) finish(tooLarge(limitBytes));
    else pieces.push(piece);
  };
  const finish = (error?: Error): void => {
    payload.off('data', onData).off('end', onEnd).off('error', onGone);
    if (error) return done(error, NOTHING);
    const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes);
    decode(body, decoders, limitBytes, done);
  };
  const onEnd = (): void => finish();
  const onGone = (): void => finish(new CallerGone()); // a connection that breaks is all that can go wrong with it
  payload.on('data', onData).on('end', onEnd).on('error', onGone);
}
