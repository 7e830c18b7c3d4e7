import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { SessionName } from './idempotency-store.js';
import type { IdempotentRun } from './idempotent-run.js';

/** A larger answer is given and not kept, bytes. */
const MAX_BYTES = 4_194_304;
/** Belong to the connection or to the moment. */
const NOT_KEPT = new Set(['x-request-id', 'connection', 'keep-alive', 'date', 'content-length', 'transfer-encoding']);
/** The last thing a complete stream says. */
const DONE = 'data: [DONE]\n\n';

/** Writes an answer down while it goes out. */
export class AnswerRecorder {
  constructor(
    private readonly reply: FastifyReply,
    private readonly run: IdempotentRun,
    private readonly session: SessionName | null,
  ) {}

  /** A whole body. Resolves once a duplicate finds it. */
  async keep(body: string): Promise<void> {
    if (Buffer.byteLength(body) > MAX_BYTES) return this.run.release();
    await this.run.complete({ status: this.reply.statusCode, headers: this.headers(), body, session: this.session });
  }

  /** The same stream; it is kept when it ended as a complete answer does. */
  through(answer: Readable): Readable {
    const copy = Readable.from(this.copied(answer), { objectMode: false, encoding: 'utf8' });
    copy.once('close', () => answer.destroy());
    return copy;
  }

  private async *copied(answer: Readable): AsyncGenerator<string> {
    let text: string | null = '';
    let complete = false;
    try {
      for await (const piece of answer) {
        if (text !== null) text += String(piece);
        if (text !== null && text.length > MAX_BYTES) text = null;
        // Kept before the last piece goes out: whoever has seen the end finds the answer.
        if (text?.endsWith(DONE)) {
          complete = true;
          await this.keep(text);
        }
        yield String(piece);
      }
    } finally {
      if (!complete) await this.run.release();
    }
  }

  private headers(): Record<string, string> {
    const all = Object.entries(this.reply.getHeaders()).filter(([name]) => !NOT_KEPT.has(name));
    return Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
  }
}
