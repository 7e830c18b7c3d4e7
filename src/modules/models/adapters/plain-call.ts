import type { IncomingHttpHeaders } from 'node:http';
import { completionIn } from '../../../common/answer-shape.js';
import { hasContent, type ChatFrame, type Completion } from '../../../common/chat.js';
import type { OutgoingTrace } from '../../../common/tracing/trace-context.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { decodedBytes, isEncoded } from './content-coding.js';
import { MAX_RESPONSE_BYTES, type Manner, type ModelServer } from './model-server.js';
import { ServerCall } from './server-call.js';
import { failureIn, failureOfTransport } from './upstream-errors.js';

/** One call whose answer comes whole: a stream of one chunk. */
export class PlainCall extends ServerCall {
  private readonly pieces: Buffer[] = [];
  private headers: IncomingHttpHeaders = {};
  private limit: NodeJS.Timeout | undefined;

  /** @param manner where and how it is asked @param limitMs until the whole answer is here @param signal the caller's */
  constructor(
    server: ModelServer,
    private readonly manner: Manner,
    body: string,
    private readonly limitMs: number,
    signal: AbortSignal,
    trace: OutgoingTrace | null = null,
  ) {
    super(server, 'application/json', manner.path, body, signal, trace);
  }

  /** What comes is whole. */
  pause(): void {}

  resume(): void {}

  /** Called by its timer. */
  late(): void {
    this.fail(new UpstreamFailure('timeout', `plain answer: nothing within ${Math.round(this.limitMs)} ms`));
  }

  protected begin(): void {
    this.limit = setTimeout(late, this.limitMs, this);
  }

  protected accepts(headers: IncomingHttpHeaders): boolean {
    this.headers = headers;
    return true;
  }

  protected read(bytes: Buffer): void {
    this.pieces.push(bytes);
  }

  protected readEnd(): void {
    const { pieces, headers } = this;
    const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    pieces.length = 0;
    if (!isEncoded(headers)) return this.answer(body);
    this.later('decoding an answer', async () => this.answer(await decodedBytes(body, headers, MAX_RESPONSE_BYTES)));
  }

  protected fail(error: unknown): void {
    this.end(failureOfTransport(error, true));
  }

  protected release(): void {
    clearTimeout(this.limit);
    if (!this.responseOver) this.leave();
  }

  /** What the body of an answer says. @throws UpstreamFailure when it is none */
  protected frameOf(body: string): ChatFrame {
    const { text, data } = this.manner.dialect.plain(body);
    return { text, json: completionOf(data, this.headers) };
  }

  private answer(body: Buffer): void {
    if (this.hasEnded) return;
    try {
      const frame = this.frameOf(body.toString('utf8'));
      this.answeredAt = performance.now();
      this.sink?.chunk({ frames: [frame] });
      this.end(null);
    } catch (error) {
      this.fail(error);
    }
  }
}

const late = (call: PlainCall): void => call.late();

function completionOf(json: unknown, headers: IncomingHttpHeaders): Completion {
  if (json === undefined) throw new UpstreamFailure('bad_answer', 'the answer is not JSON');
  const failure = failureIn(json, headers);
  if (failure) throw failure;
  const completion = completionIn(json);
  if (completion && hasContent(completion)) return completion;
  throw new UpstreamFailure('bad_answer', 'the answer has no content and no finish reason');
}
