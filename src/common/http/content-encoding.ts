import * as zlib from 'node:zlib';
import { InvalidRequest, UnsupportedMediaType } from '../app-error.js';
import { tooLarge } from './body-limit.js';

/** Undoes one content coding, in the thread pool; fails with `ERR_BUFFER_TOO_LARGE` beyond the limit. */
type Decoder = (body: Buffer, limit: { readonly maxOutputLength: number }, done: Done) => void;
/** With an error, the body counts for nothing. */
export type Done = (error: Error | null, body: Buffer) => void;

/** What RFC 8878 section 3.1.1.1.2 asks every decoder to hold, and no more: 8 MiB. */
const ZSTD_WINDOW = { [zlib.constants.ZSTD_d_windowLogMax]: 23 };
/** More than one is legal and unheard of; many are a way to make work. */
const MOST_CODINGS = 3;

/** RFC 9110 section 8.4.1.2 means the zlib format; some clients have always sent the bare stream. */
const deflate: Decoder = (body, limit, done) => (isZlib(body) ? zlib.inflate : zlib.inflateRaw)(body, limit, done);
const brotli: Decoder = (body, limit, done) => zlib.brotliDecompress(body, limit, done);
const zstd: Decoder = (body, limit, done) => zlib.zstdDecompress(body, { ...limit, params: ZSTD_WINDOW }, done);

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', zlib.gunzip],
  ['x-gzip', zlib.gunzip], // RFC 9110 section 8.4.1.3
  ['deflate', deflate],
  ['br', brotli],
  ['zstd', zstd],
]);
const NONE: readonly Decoder[] = [];
/** RFC 9110 section 12.5.3: such an answer tells which codings would do. */
const ACCEPTED = { 'accept-encoding': 'identity, gzip, deflate, br, zstd' };

/** RFC 1950 section 2.2: method 8, and a header that is a multiple of 31. */
const isZlib = (body: Buffer): boolean => body.length > 1 && (body[0]! & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;

/** What undoes a `Content-Encoding`, in the order of undoing; an error to answer with where that is not known. */
export function decodersOf(header: string | undefined): readonly Decoder[] | UnsupportedMediaType {
  if (header === undefined) return NONE;
  const codings = header
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const decoders = codings.flatMap((coding) => DECODERS.get(coding) ?? []);
  if (decoders.length === codings.length && codings.length <= MOST_CODINGS) return decoders.reverse();
  return new UnsupportedMediaType(
    `content-encoding: this service decodes gzip, deflate, br and zstd, at most ${MOST_CODINGS} of them on one body.`,
    'content-encoding',
    ACCEPTED,
  );
}

/** @param done told PayloadTooLarge, or InvalidRequest where the body is not what its codings say */
export function decode(body: Buffer, [first, ...rest]: readonly Decoder[], limitBytes: number, done: Done): void {
  if (!first || body.length === 0) return done(null, body);
  first(body, { maxOutputLength: limitBytes }, (error, plain) => {
    if (!error) return decode(plain, rest, limitBytes, done);
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    done(isLarge ? tooLarge(limitBytes) : notAsCoded(error), plain);
  });
}

const notAsCoded = (cause: Error): InvalidRequest =>
  new InvalidRequest('The request body is not what its Content-Encoding says.', 'content-encoding', { cause });
