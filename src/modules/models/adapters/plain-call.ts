import { hasContent, type ChatChunk, type Completion } from '../../../common/chat.js';
import { completionIn } from '../../../common/answer-shape.js';
import type { ChunkSink } from '../../../common/chunk-stream.js';
import { readableJson } from '../../../common/json/readable.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import type { ModelStream } from '../models.messages.js';
import { errorIn, isErrorBody } from './provider-error.js';
import type { ModelServer, WholeResponse } from './model-server.js';
import { failureOfBody, failureOfTransport } from './upstream-errors.js';

const END: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** One call whose answer comes whole: a stream of one chunk. See `ModelStream`. */
export class PlainCall implements ModelStream {
  upstreamMs = 0;
  private isAsked = false;

  /** @param limitMs until the whole answer is here @param signal the caller's */
  constructor(
    private readonly server: ModelServer,
    private readonly request: string,
    private readonly limitMs: number,
    private readonly signal: AbortSignal,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ChatChunk>> {
    if (this.isAsked) return END;
    this.isAsked = true;
    const from = performance.now();
    try {
      const answer = await this.server.exchange(this.request, this.limitMs, this.signal);
      return { done: false, value: { frames: [{ text: answer.text, json: completionOf(answer) }] } };
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      throw failureOfTransport(error, true);
    } finally {
      this.upstreamMs = performance.now() - from;
    }
  }

  /** What came is whole; a call under way is ended by its signal alone. */
  async return(): Promise<IteratorResult<ChatChunk>> {
    return END;
  }

  relay(sink: ChunkSink): void {
    sink.end(null);
  }

  pause(): void {}

  resume(): void {}
}

function completionOf({ text, headers }: WholeResponse): Completion {
  const json = readableJson(text);
  if (json === undefined) throw new UpstreamFailure('bad_answer', 'the answer is not JSON');
  if (isErrorBody(json)) throw failureOfBody(errorIn(json), headers);
  const completion = completionIn(json);
  if (completion && hasContent(completion)) return completion;
  throw new UpstreamFailure('bad_answer', 'the answer has no content and no finish reason');
}
