import type { Duplex } from 'node:stream';
import * as zlib from 'node:zlib';

/** Undoes one coding of a whole body, in the thread pool; fails with `ERR_BUFFER_TOO_LARGE` beyond the limit. */
type Decoder = (body: Buffer, limit: { readonly maxOutputLength: number }, done: Decoded) => void;
type Decoded = (error: Error | null, body: Buffer) => void;

export interface ContentCoding {
  readonly whole: Decoder;
  readonly stream: () => Duplex;
}

/** What RFC 8878 section 3.1.1.1.2 asks every decoder to hold, and no more: 8 MiB. */
const ZSTD_WINDOW = { [zlib.constants.ZSTD_d_windowLogMax]: 23 };

const gzip: ContentCoding = { whole: zlib.gunzip, stream: zlib.createGunzip };

/** By the names of RFC 9110 section 8.4.1 (and their successors), in lower case. */
export const CONTENT_CODINGS: ReadonlyMap<string, ContentCoding> = new Map<string, ContentCoding>([
  ['gzip', gzip],
  ['x-gzip', gzip], // section 8.4.1.3
  [
    'deflate',
    {
      // section 8.4.1.2 means the zlib format; some clients have always sent the bare stream
      whole: (body, limit, done) => (isZlib(body) ? zlib.inflate : zlib.inflateRaw)(body, limit, done),
      stream: zlib.createInflate,
    },
  ],
  [
    'br',
    { whole: (body, limit, done) => zlib.brotliDecompress(body, limit, done), stream: zlib.createBrotliDecompress },
  ],
  [
    'zstd',
    {
      whole: (body, limit, done) => zlib.zstdDecompress(body, { ...limit, params: ZSTD_WINDOW }, done),
      stream: zlib.createZstdDecompress,
    },
  ],
]);

/** RFC 1950 section 2.2: method 8, and a header that is a multiple of 31. */
const isZlib = (body: Buffer): boolean => body.length > 1 && (body[0]! & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
