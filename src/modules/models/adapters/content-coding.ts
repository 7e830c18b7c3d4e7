import type { Duplex } from 'node:stream';
import { CONTENT_CODINGS } from '../../../common/content-coding.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';

type Headers = Readonly<Record<string, unknown>>;

/** `identity` is asked for; a server, or a proxy in front of it, that compresses all the same is understood. */
export function isEncoded(headers: Headers): boolean {
  const coding = headers['content-encoding'];
  return coding !== undefined && coding !== '' && coding !== 'identity';
}

/**
 * A whole body, decoded up to a number of bytes.
 *
 * @throws UpstreamFailure when it is longer, broken, or of a coding nobody knows
 */
export async function decodedBytes(body: Buffer, headers: Headers, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    const bytes = await decodeInto(pieces, body, headers, maxBytes);
    if (bytes <= maxBytes) return Buffer.concat(pieces);
  } catch (error) {
    if (error instanceof UpstreamFailure) throw error;
    throw new UpstreamFailure('bad_answer', 'the body cannot be decoded', {}, { cause: error });
  }
  throw new UpstreamFailure('bad_answer', `the decoded body is longer than ${maxBytes} bytes`);
}

/** What can be decoded of the beginning of a body; nothing of a coding nobody knows. */
export async function decodedBeginning(body: Buffer, headers: Headers, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  await decodeInto(pieces, body, headers, maxBytes).catch(() => undefined);
  return Buffer.concat(pieces).subarray(0, maxBytes);
}

async function decodeInto(pieces: Buffer[], body: Buffer, headers: Headers, maxBytes: number): Promise<number> {
  const decoder = decoderOf(headers);
  let bytes = 0;
  decoder.end(body);
  for await (const piece of decoder as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > maxBytes) break;
  }
  return bytes;
}

/** @throws UpstreamFailure for a coding nobody knows */
export function decoderOf(headers: Headers): Duplex {
  const coding = String(headers['content-encoding']).trim().toLowerCase();
  const known = CONTENT_CODINGS.get(coding);
  if (!known) throw new UpstreamFailure('bad_answer', `content-encoding ${coding.slice(0, 40)} is not known`);
  return known.stream();
}
