import type { IncomingHttpHeaders } from 'node:http';
import { readableJson } from '../../../common/json/readable.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { errorText } from './model-server.js';
import { MAX_ERROR_BYTES } from './plain-exchange.js';
import { errorIn, isErrorBody } from './provider-error.js';
import { failureOfBody, failureOfStatus } from './upstream-errors.js';

const EVENT_STREAM = 'text/event-stream';
const JSON_TYPE = /^application\/(\w+\+)?json\b/;

/** What the response to a streamed call is: events, something that may say why not, or nothing to read at all. */
export function kindOf(status: number, headers: IncomingHttpHeaders): 'events' | 'other' | UpstreamFailure {
  const type = String(headers['content-type'] ?? EVENT_STREAM).toLowerCase();
  if (status > 299 || JSON_TYPE.test(type)) return 'other';
  if (type.startsWith(EVENT_STREAM)) return 'events';
  return new UpstreamFailure('bad_answer', `asked for a stream, got ${type.slice(0, 80)}`);
}

/** The beginning of a body that is no stream of events: of another status, or JSON. */
export class OtherBody {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly status: number,
    private readonly headers: IncomingHttpHeaders,
  ) {}

  /** @returns whether more is of interest */
  push(piece: Buffer): boolean {
    if (this.bytes <= MAX_ERROR_BYTES) this.pieces.push(piece);
    this.bytes += piece.length;
    return this.bytes <= MAX_ERROR_BYTES;
  }

  /** What it says. An error in JSON counts, whatever the status. */
  async failure(): Promise<UpstreamFailure> {
    const { status, headers, pieces } = this;
    const text = await errorText(Buffer.concat(pieces).subarray(0, MAX_ERROR_BYTES), headers);
    if (status < 200 || status > 299) return failureOfStatus(status, text, headers);
    const body = readableJson(text);
    if (isErrorBody(body)) return failureOfBody(errorIn(body), headers);
    return new UpstreamFailure('bad_answer', 'asked for a stream, got JSON that is no error');
  }
}
