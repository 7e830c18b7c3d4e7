import { BackgroundWork } from '../../../common/background-work.js';
import type { ChatChunk, Completion } from '../../../common/chat.js';
import { hasContent } from '../../../common/chat.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import type { ModelStream } from '../models.messages.js';
import { CallTimer } from './call-timer.js';
import { discard, type ModelServer, type OpenResponse } from './model-server.js';
import { SseEventTooLarge, SseParser } from './sse-parser.js';
import { StreamFrames } from './stream-frames.js';
import { failureOfFrame, failureOfTransport, providerErrorOf } from './upstream-errors.js';

const background = new BackgroundWork('models');

/** After the last finish reason only usage and `[DONE]` can come; a server that sends neither is not waited for. */
const TAIL_MS = 1_000;

/** Milliseconds. */
export interface CallLimits {
  /** Until the first content of a stream, or the whole plain answer. */
  readonly beginMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
}

/** One call of one model server over undici; see `ModelStream`. */
export class UpstreamCall implements ModelStream {
  upstreamMs = 0;

  constructor(
    private readonly server: ModelServer,
    private readonly body: string,
    private readonly form: { readonly stream: boolean; readonly choices: number },
    private readonly limits: CallLimits,
    private readonly signal: AbortSignal,
  ) {}

  [Symbol.asyncIterator](): AsyncIterator<ChatChunk> {
    return this.form.stream ? this.streamed() : this.plain();
  }

  private async *plain(): AsyncGenerator<ChatChunk> {
    try {
      const text = await this.waitFor(() => this.server.exchange(this.body, this.limits.beginMs, this.signal));
      yield { frames: [{ text, json: completionOf(text) }] };
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      throw failureOfTransport(error, true);
    }
  }

  private async *streamed(): AsyncGenerator<ChatChunk> {
    const timer = new CallTimer(this.signal);
    const frames = new StreamFrames(this.form.choices);
    const startedAt = performance.now();
    let begun = false;
    let response: OpenResponse | undefined;
    try {
      timer.arm(this.limits.beginMs, 'first token');
      response = await this.waitFor(() => this.server.open(this.body, 'text/event-stream', timer.signal));
      assertEventStream(response);
      const parser = new SseParser();
      const reader = (response.body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
      let silentMs = 0;
      while (!frames.complete) {
        if (begun) this.armNext(timer, frames, startedAt, silentMs);
        const waitedBefore = this.upstreamMs;
        const next = await this.waitFor(() => reader.next());
        if (begun) timer.pause();
        const read = frames.read(next.done ? parser.end() : parser.push(next.value));
        // bytes that complete no event, and comments, are silence as well
        silentMs = read.length > 0 ? 0 : silentMs + this.upstreamMs - waitedBefore;
        begun ||= read.some((frame) => hasContent(frame.json));
        if (read.length > 0) yield { frames: read };
        if (frames.failure) throw frames.failure;
        if (next.done) break;
      }
      if (!frames.allFinished) throw new UpstreamFailure('cut', 'the stream ended before the answer did');
    } catch (error) {
      const cause = this.causeOf(error, timer, !begun);
      const onlyTailMissing = begun && frames.allFinished && cause instanceof UpstreamFailure;
      if (!onlyTailMissing) throw cause;
    } finally {
      timer.stop();
      if (response) release(response, frames.complete);
    }
  }

  private armNext(timer: CallTimer, frames: StreamFrames, startedAt: number, silentMs: number): void {
    const left = this.limits.totalMs - (performance.now() - startedAt);
    const silence = (frames.allFinished ? TAIL_MS : this.limits.idleMs) - silentMs;
    timer.arm(Math.max(0, Math.min(left, silence)), left < silence ? 'whole answer' : 'next chunk');
  }

  /** Every wait for the server goes through here, so that `upstreamMs` is what we did not spend ourselves. */
  private async waitFor<T>(wait: () => Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await wait();
    } finally {
      this.upstreamMs += performance.now() - from;
    }
  }

  /** The caller's abort and our own time limits surface as whatever the transport was doing; this says which it was. */
  private causeOf(error: unknown, timer: CallTimer, beforeAnswer: boolean): unknown {
    if (this.signal.aborted) return this.signal.reason;
    if (timer.signal.aborted) return timer.signal.reason;
    if (error instanceof SseEventTooLarge) return new UpstreamFailure('bad_answer', 'an SSE event without end');
    return failureOfTransport(error, beforeAnswer);
  }
}

function assertEventStream(response: OpenResponse): void {
  const type = response.headers['content-type'];
  if (type === undefined || String(type).startsWith('text/event-stream')) return;
  discard(response);
  throw new UpstreamFailure('bad_answer', `asked for a stream, got ${String(type).slice(0, 80)}`);
}

function completionOf(text: string): Completion {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UpstreamFailure('bad_answer', 'the answer is not JSON', {}, { cause: error });
  }
  const error = providerErrorOf(json);
  const { choices } = (json ?? {}) as Completion;
  if (Array.isArray(choices) && choices.length > 0) return json as Completion;
  throw error ? failureOfFrame(error) : new UpstreamFailure('bad_answer', 'the answer has no choices');
}

/** A stream that was read to its end keeps its connection; one that was left in the middle is closed. */
function release(response: OpenResponse, complete: boolean): void {
  const { body } = response;
  if (body.destroyed || body.readableEnded) return;
  if (!complete) return discard(response);
  const toTheEnd = () => body.dump({ limit: 16_384, signal: AbortSignal.timeout(TAIL_MS) });
  background.launch('reading an answer to its end', () => toTheEnd().catch(() => discard(response)));
}
