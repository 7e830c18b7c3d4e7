import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { BackgroundWork } from '../../../common/background-work.js';
import type { ChatChunk, ChatFrame } from '../../../common/chat.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import type { ModelStream } from '../models.messages.js';
import { decoderOf, isEncoded } from './content-coding.js';
import { MAX_RESPONSE_BYTES, type ModelServer } from './model-server.js';
import { kindOf, OtherBody } from './other-body.js';
import { ERROR_BODY_MS } from './plain-exchange.js';
import { PushedStream } from './pushed-stream.js';
import { SseEventTooLarge, SseParser } from './sse-parser.js';
import { StreamClock, TAIL_MS, type CallLimits, type Patient } from './stream-clock.js';
import { StreamFrames } from './stream-frames.js';
import { failureOfTransport } from './upstream-errors.js';

/** What may follow the end of an answer before its connection is given up, bytes. */
const MAX_TAIL_BYTES = 16_384;

const background = new BackgroundWork('models');

/** Nobody reads on. */
class Left extends Error {}

/**
 * One streamed call, straight on undici's dispatcher: every read of the connection is parsed as far as routing needs and
 * handed on in the same turn of the event loop. See `ModelStream`.
 *
 * @see https://undici.nodejs.org/#/docs/api/Dispatcher?id=parameter-dispatchhandler
 */
export class StreamedCall extends PushedStream implements ModelStream, Patient, Dispatcher.DispatchHandler {
  private readonly parser = new SseParser();
  private readonly frames: StreamFrames;
  private clock: StreamClock | null = null;
  private controller: Dispatcher.DispatchController | null = null;
  private decoder: Duplex | null = null;
  private other: OtherBody | null = null;
  private wanted = true;
  private tailTimer: NodeJS.Timeout | undefined;
  private responseOver = false;
  private tailBytes = 0;
  private decodedBytes = 0;
  private startedAt = 0;
  private answeredAt = 0;

  /** @param choices how many were asked for (`n`) @param signal the caller's */
  constructor(
    private readonly server: ModelServer,
    private readonly request: string,
    choices: number,
    private readonly limits: CallLimits,
    private readonly signal: AbortSignal,
  ) {
    super();
    this.frames = new StreamFrames(choices);
  }

  get upstreamMs(): number {
    return this.startedAt === 0 ? 0 : (this.answeredAt || performance.now()) - this.startedAt;
  }

  override next(): Promise<IteratorResult<ChatChunk>> {
    return this.startedAt === 0 ? this.begin() : super.next();
  }

  async return(): Promise<IteratorResult<ChatChunk>> {
    this.end(new Left());
    return { done: true, value: undefined };
  }

  /** Called by the caller's signal, as an `EventListenerObject`. */
  handleEvent(): void {
    this.end(this.signal.reason);
  }

  late(failure: UpstreamFailure): void {
    this.fail(failure);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.hasEnded) controller.abort(new Left());
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return; // an interim answer (RFC 9110 section 15.2)
    const kind = kindOf(status, headers);
    if (kind === 'other') this.expectOther(new OtherBody(status, headers));
    else if (kind !== 'events') this.fail(kind);
    else if (isEncoded(headers)) this.decode(headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    const { other } = this;
    if (other !== null) {
      if (!other.push(bytes)) this.refuse(other);
    } else if (this.hasEnded) this.readTail(controller, bytes);
    else if (this.decoder === null) this.read(bytes);
    else if (!this.decoder.write(bytes)) controller.pause();
  }

  onResponseEnd(): void {
    this.responseOver = true;
    clearTimeout(this.tailTimer);
    if (this.other !== null) this.refuse(this.other);
    else if (this.decoder !== null) this.decoder.end();
    else if (!this.hasEnded) this.readEnd();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.responseOver = true;
    clearTimeout(this.tailTimer);
    this.fail(error);
  }

  protected want(more: boolean): void {
    if (this.wanted === more || this.hasEnded) return;
    this.wanted = more;
    if (more) {
      this.clock?.resume();
      this.decoder?.resume();
      this.controller?.resume();
    } else {
      this.clock?.pause();
      this.decoder?.pause();
      this.controller?.pause();
    }
  }

  /** The connection is kept where the server has said everything; in the middle of an answer it is closed. */
  protected override end(error: unknown): void {
    if (this.hasEnded) return;
    this.clock?.stop();
    this.signal.removeEventListener('abort', this);
    super.end(error);
    this.decoder?.destroy();
    if (this.responseOver) return;
    if (!this.frames.complete || this.decoder !== null) return this.leaveTail();
    this.tailTimer = setTimeout(endTail, TAIL_MS, this).unref();
    if (!this.wanted) this.controller?.resume();
  }

  /** The connection is not kept for the sake of what still comes. Called by a timer. */
  leaveTail(): void {
    this.controller?.abort(new Left());
  }

  private async begin(): Promise<IteratorResult<ChatChunk>> {
    this.startedAt = performance.now();
    const first = super.next();
    if (this.signal.aborted) this.end(this.signal.reason);
    else {
      this.signal.addEventListener('abort', this, { once: true });
      this.clock = new StreamClock(this.limits, this);
      try {
        await this.server.stream(this.request, this);
      } catch (error) {
        this.fail(error);
      }
    }
    return first;
  }

  private decode(headers: IncomingHttpHeaders): void {
    try {
      this.decoder = decoderOf(headers)
        .on('data', (bytes: Buffer) => this.hasEnded || this.readDecoded(bytes))
        .on('drain', () => this.wanted && this.controller?.resume())
        .on('end', () => this.hasEnded || this.readEnd())
        .on('error', (error) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }

  /** undici bounds what comes over the connection; a few bytes of it can be very many here. */
  private readDecoded(bytes: Buffer): void {
    this.decodedBytes += bytes.length;
    if (this.decodedBytes <= MAX_RESPONSE_BYTES) this.read(bytes);
    else this.fail(new UpstreamFailure('bad_answer', `the decoded answer is longer than ${MAX_RESPONSE_BYTES} bytes`));
  }

  private read(bytes: Buffer): void {
    try {
      this.parser.push(bytes);
      this.handOn();
    } catch (error) {
      this.broken(error);
    }
  }

  private readEnd(): void {
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
    const contentsBefore = frames.contents;
    const read: ChatFrame[] = [];
    for (let item = parser.next(frames.like); item !== undefined; item = parser.next(frames.like)) {
      const frame = frames.take(item);
      if (frame !== null) read.push(frame);
    }
    frames.skipped += parser.strangeLines - strangeBefore;
    if (this.answeredAt === 0 && frames.hasAnswer) this.answeredAt = performance.now();
    const isLife = read.length > 0 || parser.comments > commentsBefore;
    const hasContent = frames.contents > contentsBefore;
    if (read.length > 0) this.put({ frames: read });
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

  /** Nothing more can be read. Where only usage or `[DONE]` is missing, the answer is complete all the same. */
  private fail(error: unknown): void {
    const { hasAnswer, allFinished } = this.frames;
    this.end(hasAnswer && allFinished ? null : failureOfTransport(error, !hasAnswer));
  }

  private expectOther(other: OtherBody): void {
    this.other = other;
    this.tailTimer = setTimeout(refuse, ERROR_BODY_MS, this, other).unref();
  }

  /** Called by a timer, too: what has come by then is enough. */
  refuse(other: OtherBody): void {
    clearTimeout(this.tailTimer);
    if (this.hasEnded) return;
    background.launch('reading why there is no stream', async () => {
      try {
        this.fail(await other.failure());
      } catch (error) {
        this.fail(error);
      }
    });
  }

  private readTail(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    this.tailBytes += bytes.length;
    if (this.tailBytes > MAX_TAIL_BYTES) controller.abort(new Left());
  }
}

const refuse = (call: StreamedCall, other: OtherBody): void => call.refuse(other);
const endTail = (call: StreamedCall): void => call.leaveTail();
