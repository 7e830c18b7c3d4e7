import type { IncomingHttpHeaders } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { readableJson } from '../../../common/json/readable.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { decodedBeginning, isEncoded } from './content-coding.js';
import { failureIn, failureOfStatus } from './upstream-errors.js';

/** Enough of an error body to find its message. */
const MAX_BYTES = 64 * 1024;

/** The beginning of a body that is no answer: of a status other than 2xx, or JSON where a stream was asked for. */
export class OtherBody {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly status: number,
    private readonly headers: IncomingHttpHeaders,
  ) {}

  /** @returns whether more is of interest */
  push(piece: Buffer): boolean {
    if (this.bytes <= MAX_BYTES) this.pieces.push(piece);
    this.bytes += piece.length;
    return this.bytes <= MAX_BYTES;
  }

  /** What it says. An error in JSON counts, whatever the status. */
  async failure(): Promise<UpstreamFailure> {
    const { status, headers } = this;
    const text = await this.text();
    if (status > 299) return failureOfStatus(status, text, headers);
    const noError = 'asked for a stream, got JSON that is no error';
    return failureIn(readableJson(text), headers) ?? new UpstreamFailure('bad_answer', noError);
  }

  /** Without half a character at its end. */
  private async text(): Promise<string> {
    const body = Buffer.concat(this.pieces).subarray(0, MAX_BYTES);
    const plain = isEncoded(this.headers) ? await decodedBeginning(body, this.headers, MAX_BYTES) : body;
    return new StringDecoder('utf8').write(plain);
  }
}
