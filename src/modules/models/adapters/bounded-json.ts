import type { Readable } from 'node:stream';
import { readableJson } from '../../../common/json/readable.js';

/**
 * The JSON of a small body; `undefined` when it is longer than that or no JSON. What is left of it is thrown away with
 * its connection. Time is bounded by the signal of whoever opened the body.
 *
 * @throws what ends the body early
 */
export async function jsonWithin(body: Readable, maxBytes: number): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return readableJson(Buffer.concat(pieces).toString('utf8'));
}
