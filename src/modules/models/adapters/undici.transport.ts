import { hasContent, type ChatChunk, type Completion } from '../../../common/chat.js';
import { BackgroundWork } from '../../../common/background-work.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import type { ModelStream } from '../models.messages.js';
import { errorIn, isErrorBody } from './answer-errors.js';
import { completionIn } from '../../../common/answer-shape.js';
import { CallTimer } from './call-timer.js';
import { beginningOf, discard, type ModelServer, type OpenResponse, type WholeResponse } from './model-server.js';
import { readableJson } from '../../../common/json/readable.js';
import { SseEventTooLarge, SseParser } from './sse-parser.js';
import { StreamFrames } from './stream-frames.js';
import { StreamPatience, TAIL_MS, type CallLimits } from './stream-patience.js';
import { failureOfBody, failureOfTransport } from './upstream-errors.js';

const background = new BackgroundWork('models');

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
      const answer = await this.waitFor(() => this.server.exchange(this.body, this.limits.beginMs, this.signal));
      yield { frames: [{ text: answer.text, json: completionOf(answer) }] };
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      throw failureOfTransport(error, true);
    }
  }

  private async *streamed(): AsyncGenerator<ChatChunk> {
    const timer = new CallTimer(this.signal);
    const frames = new StreamFrames(this.form.choices);
    const patience = new StreamPatience(this.limits, performance.now());
    let response: OpenResponse | undefined;
    // eslint-disable-next-line no-restricted-syntax -- it takes nothing before it is started
    try {
      timer.arm(this.limits.beginMs, 'first token');
      response = await this.waitFor(() => this.server.open(this.body, 'text/event-stream', timer.signal));
      await assertEventStream(response);
      const parser = new SseParser();
      const reader = (response.body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
      while (!frames.complete) {
        if (frames.hasAnswer) timer.arm(...patience.next(frames.allFinished));
        const waitedBefore = this.upstreamMs;
        const next = await this.waitFor(() => reader.next());
        if (frames.hasAnswer) timer.pause();
        const { comments: commentsBefore, strangeLines: strangeBefore } = parser;
        const read = frames.read(next.done ? parser.end() : parser.push(next.value));
        frames.skipped += parser.strangeLines - strangeBefore;
        const isLife = read.length > 0 || parser.comments > commentsBefore;
        patience.heard(this.upstreamMs - waitedBefore, isLife, frames.readContent);
        if (read.length > 0) yield { frames: read };
        if (frames.failure) throw frames.failure;
        if (next.done) break;
      }
      if (!frames.hasAnswer) throw new UpstreamFailure('bad_answer', 'the stream had neither content nor an end');
      if (!frames.allFinished) throw new UpstreamFailure('cut', 'the stream ended before the answer did');
    } catch (error) {
      const cause = this.causeOf(error, timer, !frames.hasAnswer);
      const onlyTailMissing = frames.hasAnswer && frames.allFinished && cause instanceof UpstreamFailure;
      if (!onlyTailMissing) throw cause;
    } finally {
      timer.stop();
      if (response) release(response, frames.complete);
    }
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

/** @throws UpstreamFailure for another type; what an error in JSON says counts */
async function assertEventStream(response: OpenResponse): Promise<void> {
  const type = String(response.headers['content-type'] ?? 'text/event-stream').toLowerCase();
  if (type.startsWith('text/event-stream')) return;
  const isJson = /^application\/(\w+\+)?json\b/.test(type);
  const body = isJson ? readableJson((await beginningOf(response.body)).toString('utf8')) : null;
  discard(response);
  if (isErrorBody(body)) throw failureOfBody(errorIn(body), response.headers);
  throw new UpstreamFailure('bad_answer', `asked for a stream, got ${type.slice(0, 80)}`);
}

function completionOf({ text, headers }: WholeResponse): Completion {
  const json = readableJson(text);
  if (json === undefined) throw new UpstreamFailure('bad_answer', 'the answer is not JSON');
  if (isErrorBody(json)) throw failureOfBody(errorIn(json), headers);
  const completion = completionIn(json);
  if (completion && hasContent(completion)) return completion;
  throw new UpstreamFailure('bad_answer', 'the answer has no content and no finish reason');
}

/** A stream that was read to its end keeps its connection; one that was left in the middle is closed. */
function release(response: OpenResponse, complete: boolean): void {
  const { body, source } = response;
  if (source.destroyed || source.readableEnded) return;
  if (!complete || body !== source) return discard(response);
  const toTheEnd = () => source.dump({ limit: 16_384, signal: AbortSignal.timeout(TAIL_MS) });
  background.launch('reading an answer to its end', () => toTheEnd().catch(() => discard(response)));
}
