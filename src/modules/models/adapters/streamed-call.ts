import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ChatFrame } from '../../../common/chat.js';
import type { OutgoingTrace } from '../../../common/tracing/trace-context.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { codingOf, isEncoded } from './content-coding.js';
import { MAX_RESPONSE_BYTES, type ModelServer } from './model-server.js';
import { ServerCall } from './server-call.js';
import { SseEventTooLarge, SseParser } from './sse-parser.js';
import { StreamClock, TAIL_MS, type CallLimits, type Patient } from './stream-clock.js';
import type { StreamFrames } from './stream-frames.js';
import { failureOfTransport } from './upstream-errors.js';

/** What may follow the end of an answer before its connection is given up, bytes. */
const MAX_TAIL_BYTES = 16_384;
const EVENT_STREAM = 'text/event-stream';
const JSON_TYPE = /^application\/(\w+\+)?json\b/;

/** One streamed call: every read of the connection is parsed as far as routing needs. */
export class StreamedCall extends ServerCall implements Patient {
  private readonly parser = new SseParser();
  private clock: StreamClock | null = null;
  private decoder: Duplex | null = null;
  private isPaused = false;
  private tailBytes = 0;
  private decodedBytes = 0;

  /** @param path of `Manner` @param frames what reads its events @param signal the caller's */
  constructor(
    server: ModelServer,
    path: string,
    body: string,
    private readonly frames: StreamFrames,
    private readonly limits: CallLimits,
    signal: AbortSignal,
    trace: OutgoingTrace | null = null,
  ) {
    super(server, EVENT_STREAM, path, body, signal, trace);
  }

  late(failure: UpstreamFailure): void {
    this.fail(failure);
  }

  pause(): void {
    if (this.isPaused || this.hasEnded) return;
    this.isPaused = true;
    this.clock?.pause();
    this.decoder?.pause();
    this.controller?.pause();
  }

  resume(): void {
    if (!this.isPaused || this.hasEnded) return;
    this.isPaused = false;
    this.clock?.resume();
    this.decoder?.resume();
    this.controller?.resume();
  }

  protected begin(): void {
    this.clock = new StreamClock(this.limits, this);
  }

  protected accepts(headers: IncomingHttpHeaders): boolean {
    const type = String(headers['content-type'] ?? EVENT_STREAM).toLowerCase();
    if (JSON_TYPE.test(type)) return false;
    if (!type.startsWith(EVENT_STREAM)) {
      this.fail(new UpstreamFailure('bad_answer', `asked for a stream, got ${type.slice(0, 80)}`));
    } else if (isEncoded(headers)) this.decode(headers);
    return true;
  }

  protected read(bytes: Buffer): void {
    if (this.hasEnded) this.readTail(bytes);
    else if (this.decoder === null) this.parse(bytes);
    else if (!this.decoder.write(bytes)) this.controller?.pause();
  }

  protected readEnd(): void {
    if (this.decoder !== null) this.decoder.end();
    else if (!this.hasEnded) this.parseEnd();
  }

  /** Where only usage or `[DONE]` is missing, the answer is complete all the same. */
  protected fail(error: unknown): void {
    const { hasAnswer, allFinished } = this.frames;
    this.end(hasAnswer && allFinished ? null : failureOfTransport(error, !hasAnswer));
  }

  /** The connection is kept where the server has said everything; in the middle of an answer it is closed. */
  protected release(): void {
    this.clock?.stop();
    this.decoder?.destroy();
    if (this.responseOver) return;
    if (!this.frames.complete || this.decoder !== null) return this.leave();
    this.leaveTimer = setTimeout(leave, TAIL_MS, this).unref();
    if (this.isPaused) this.controller?.resume();
  }

  private decode(headers: IncomingHttpHeaders): void {
    try {
      this.decoder = codingOf(headers)
        .stream()
        .on('data', (bytes: Buffer) => this.hasEnded || this.readDecoded(bytes))
        .on('drain', () => this.isPaused || this.controller?.resume())
        .on('end', () => this.hasEnded || this.parseEnd())
        .on('error', (error) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }

  /** undici bounds what comes over the connection; a few bytes of it can be very many here. */
  private readDecoded(bytes: Buffer): void {
    this.decodedBytes += bytes.length;
    if (this.decodedBytes <= MAX_RESPONSE_BYTES) this.parse(bytes);
    else this.fail(new UpstreamFailure('bad_answer', `the decoded answer is longer than ${MAX_RESPONSE_BYTES} bytes`));
  }

  private parse(bytes: Buffer): void {
    try {
      this.parser.push(bytes);
      this.handOn();
    } catch (error) {
      this.broken(error);
    }
  }

  private parseEnd(): void {
    try {
      this.parser.end();
      this.handOn();
      this.finish();
    } catch (error) {
      this.broken(error);
    }
  }

  /** What is not the server's fault is told as it is: nobody else is asked for its sake. */
  private broken(error: unknown): void {
    if (error instanceof SseEventTooLarge) this.fail(new UpstreamFailure('bad_answer', 'an SSE event without end'));
    else this.end(error);
  }

  /** Hands on what the parser has got complete, as one chunk. */
  private handOn(): void {
    const { parser, frames } = this;
    const { comments: commentsBefore, strangeLines: strangeBefore } = parser;
    const { contents: contentsBefore, signsOfLife: signsBefore } = frames;
    const read: ChatFrame[] = [];
    for (let item = parser.next(frames.like); item !== undefined; item = parser.next(frames.like)) {
      frames.take(item, read);
    }
    frames.skipped += parser.strangeLines - strangeBefore;
    if (this.answeredAt === 0 && frames.hasAnswer) this.answeredAt = performance.now();
    const isLife = read.length > 0 || parser.comments > commentsBefore || frames.signsOfLife > signsBefore;
    const hasContent = frames.contents > contentsBefore;
    if (read.length > 0) this.sink?.chunk({ frames: read });
    this.clock?.heard(isLife, hasContent, frames.phase); // after what came is handed on, as the time may be up
    if (frames.failure) this.fail(frames.failure);
    else if (frames.complete) this.finish();
  }

  /** The server says no more. */
  private finish(): void {
    const { hasAnswer, allFinished } = this.frames;
    if (!hasAnswer) this.fail(new UpstreamFailure('bad_answer', 'the stream had neither content nor an end'));
    else if (!allFinished) this.fail(new UpstreamFailure('cut', 'the stream ended before the answer did'));
    else this.end(null);
  }

  private readTail(bytes: Buffer): void {
    this.tailBytes += bytes.length;
    if (this.tailBytes > MAX_TAIL_BYTES) this.leave();
  }
}

const leave = (call: StreamedCall): void => call.leave();
