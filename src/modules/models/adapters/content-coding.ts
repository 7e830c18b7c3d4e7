import { CONTENT_CODINGS, type ContentCoding } from '../../../common/content-coding.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';

type Headers = Readonly<Record<string, unknown>>;

/** `identity` is asked for; a server, or a proxy in front of it, that compresses all the same is understood. */
export function isEncoded(headers: Headers): boolean {
  const coding = headers['content-encoding'];
  return coding !== undefined && coding !== '' && coding !== 'identity';
}

/** @throws UpstreamFailure for a coding nobody knows */
export function codingOf(headers: Headers): ContentCoding {
  const coding = String(headers['content-encoding']).trim().toLowerCase();
  const known = CONTENT_CODINGS.get(coding);
  if (!known) throw new UpstreamFailure('bad_answer', `content-encoding ${coding.slice(0, 40)} is not known`);
  return known;
}

/**
 * A whole body, decoded up to a number of bytes.
 *
 * @throws UpstreamFailure when it is longer, broken, or of a coding nobody knows
 */
export async function decodedBytes(body: Buffer, headers: Headers, maxBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  codingOf(headers).whole(body, { maxOutputLength: maxBytes }, (cause, plain) => {
    if (!cause) return resolve(plain);
    const isLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const words = isLarge ? `the decoded body is longer than ${maxBytes} bytes` : 'the body cannot be decoded';
    reject(new UpstreamFailure('bad_answer', words, {}, { cause }));
  });
  return promise;
}

/** What can be decoded of the beginning of a body; nothing of a coding nobody knows. */
export async function decodedBeginning(body: Buffer, headers: Headers, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    const decoder = codingOf(headers).stream();
    decoder.end(body);
    for await (const piece of decoder as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes >= maxBytes) break;
    }
  } catch {
    // it is cut off: what came until then counts
  }
  return Buffer.concat(pieces).subarray(0, maxBytes);
}
