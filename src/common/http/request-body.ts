import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { InvalidRequest, PayloadTooLarge, UnsupportedMediaType } from '../app-error.js';
import { CONTENT_CODINGS, type ContentCoding } from '../content-coding.js';
import { CallerGone } from './caller-signal.js';
import { goOn } from './continue.js';

/** With an error, the body counts for nothing. */
type Done = (error: Error | null, body: Buffer) => void;

const NOTHING = Buffer.alloc(0);
const MIB = 1024 * 1024;
const NONE: readonly ContentCoding[] = [];
/** More than one is legal and unheard of; many are a way to make work. */
const MOST_CODINGS = 3;
/** RFC 9110 section 12.5.3: such an answer tells which codings would do. */
const ACCEPTED = { 'accept-encoding': 'identity, gzip, deflate, br, zstd' };

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

/** What undoes a `Content-Encoding`, in the order of undoing; an error to answer with where that is not known. */
function decodersOf(header: string | undefined): readonly ContentCoding[] | UnsupportedMediaType {
  if (header === undefined) return NONE;
  const codings = header
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const decoders = codings.flatMap((coding) => CONTENT_CODINGS.get(coding) ?? []);
  if (decoders.length === codings.length && codings.length <= MOST_CODINGS) return decoders.reverse();
  return new UnsupportedMediaType(
    `content-encoding: this service decodes gzip, deflate, br and zstd, at most ${MOST_CODINGS} of them on one body.`,
    'content-encoding',
    { headers: ACCEPTED },
  );
}

/** @param done told PayloadTooLarge, or InvalidRequest where the body is not what its codings say */
function decode(body: Buffer, [first, ...rest]: readonly ContentCoding[], limitBytes: number, done: Done): void {
  if (!first || body.length === 0) return done(null, body);
  first.whole(body, { maxOutputLength: limitBytes }, (error, plain) => {
    if (!error) return decode(plain, rest, limitBytes, done);
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    done(isLarge ? tooLarge(limitBytes) : notAsCoded(error), plain);
  });
}

const notAsCoded = (cause: Error): InvalidRequest =>
  new InvalidRequest('The request body is not what its Content-Encoding says.', 'content-encoding', { cause });

/** Tells a body that is over the limit, in the numbers a caller and an operator count in. */
function tooLarge(limitBytes: number): PayloadTooLarge {
  const readable =
    limitBytes < MIB ? `${+(limitBytes / 1024).toFixed(1)} KiB` : `${+(limitBytes / MIB).toFixed(1)} MiB`;
  return new PayloadTooLarge(
    `The request body is larger than ${readable} (${limitBytes} bytes), the most that is accepted here ` +
      '(server.bodyLimitBytes), counted after decoding.',
  );
}
