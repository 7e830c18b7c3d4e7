import { type Readable, Transform, type TransformCallback } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { SessionKey } from '../../common/session-id.js';
import type { IdempotentRun } from './idempotent-run.js';

/** A larger answer is given and not kept, bytes. */
const MAX_BYTES = 4_194_304;
/** Belong to the connection, to the moment, or to the web page that asked first. */
const NOT_KEPT = /^(x-request-id|connection|keep-alive|date|content-length|transfer-encoding|vary|access-control-.*)$/;
/** The last thing a complete stream says. */
const DONE = 'data: [DONE]\n\n';

/** Writes an answer down while it goes out. */
export class AnswerRecorder {
  constructor(
    private readonly reply: FastifyReply,
    private readonly run: IdempotentRun,
    private readonly session: SessionKey | null,
  ) {}

  /** A whole body. Resolves once a duplicate finds it. */
  async keep(body: string): Promise<void> {
    if (Buffer.byteLength(body) > MAX_BYTES) return this.run.release();
    await this.run.complete({ status: this.reply.statusCode, headers: this.headers(), body, session: this.session });
  }

  /** The same stream; it is kept when it ended as a complete answer does, and the key is given back when it did not. */
  through(answer: Readable): Readable {
    const copy = new RecordedBody(this);
    answer.on('error', (error) => copy.destroy(error));
    answer.once('close', () => {
      if (!answer.readableEnded) copy.destroy();
    });
    copy.once('close', () => {
      answer.destroy();
      this.run.releaseSoon(); // does nothing once the answer is kept
    });
    return answer.pipe(copy);
  }

  private headers(): Record<string, string> {
    const all = Object.entries(this.reply.getHeaders()).filter(([name]) => !NOT_KEPT.test(name));
    return Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
  }
}

class RecordedBody extends Transform {
  private written: string | null = '';

  constructor(private readonly recorder: AnswerRecorder) {
    super({ decodeStrings: false, encoding: 'utf8' });
  }

  override _transform(piece: string | Buffer, _: BufferEncoding, done: TransformCallback): void {
    const text = String(piece);
    if (this.written !== null) this.written += text;
    if (this.written !== null && this.written.length > MAX_BYTES) this.written = null;
    // Asked of the piece: an end never comes in two, and looking at the joined text would copy all of it each time.
    if (this.written === null || !text.endsWith(DONE)) return done(null, text);
    // Kept before the last piece goes out: whoever has seen the end finds the answer.
    // eslint-disable-next-line no-restricted-syntax -- the callback owns both ends
    this.recorder.keep(this.written).then(() => done(null, text), done);
  }
}
