import type { AnswerKeeper, StreamCopy } from '../../common/http/idempotent.decorator.js';
import type { SessionKey } from '../../common/session-id.js';
import type { IdempotentRun } from './idempotent-run.js';

/** A larger answer is given and not kept, bytes. */
const MAX_BYTES = 4_194_304;
/** Belong to the connection, to the moment, or to the web page that asked first. */
const NOT_KEPT = /^(x-request-id|connection|keep-alive|date|content-length|transfer-encoding|vary|access-control-.*)$/;

const STATUS_OK = 200;

type Headers = Readonly<Record<string, string>>;

/** Writes an answer down while it goes out, and gives the key back where it is not kept. */
export class AnswerRecorder implements AnswerKeeper {
  constructor(
    private readonly run: IdempotentRun,
    private readonly session: SessionKey | null,
  ) {}

  async keep(headers: Headers, body: string): Promise<void> {
    if (Buffer.byteLength(body) > MAX_BYTES) return this.run.release();
    await this.run.complete({ status: STATUS_OK, headers: keptHeaders(headers), body, session: this.session });
  }

  stream(headers: Headers): StreamCopy {
    return new RecordedStream(this, this.run, headers);
  }
}

/** A caller who goes away is not seen here: the run itself gives the key back then. */
class RecordedStream implements StreamCopy {
  private written: string | null = '';

  constructor(
    private readonly recorder: AnswerRecorder,
    private readonly run: IdempotentRun,
    private readonly headers: Headers,
  ) {}

  piece(text: string): void {
    if (this.written !== null) this.written += text;
    if (this.written !== null && this.written.length > MAX_BYTES) this.written = null;
  }

  async last(text: string): Promise<void> {
    if (this.written === null) return this.run.release();
    await this.recorder.keep(this.headers, this.written + text);
  }

  broken(): void {
    this.run.releaseSoon();
  }
}

function keptHeaders(headers: Headers): Record<string, string> {
  const all = Object.entries(headers).filter(([name]) => !NOT_KEPT.test(name));
  return Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
}
