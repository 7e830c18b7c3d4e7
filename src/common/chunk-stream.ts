import type { ChatChunk } from './chat.js';

/** Takes a stream as it comes, in the turn of the event loop in which it was read. */
export interface ChunkSink {
  chunk(chunk: ChatChunk): void;
  /** Nothing more comes. Called once. @param error why; `null` = the stream is complete */
  end(error: unknown): void;
}

/** What can be held up where its reader is slow. */
export interface Flow {
  /** What was read already may still come. */
  pause(): void;
  resume(): void;
}

/**
 * A stream of chunks that is pulled, one promise a chunk, until somebody has it relayed. From then on every read goes
 * straight to the sink: no promise, no queue, no microtask stands between the two sockets.
 */
export interface ChunkStream extends AsyncIterable<ChatChunk>, AsyncIterator<ChatChunk>, Flow {
  /** Ends it; what is still to come is of no interest. Does nothing once it has ended. */
  return(): Promise<IteratorResult<ChatChunk>>;
  /** Hands everything that was not pulled to `sink`, maybe at once. Nobody pulls afterwards. */
  relay(sink: ChunkSink): void;
}

/** Reads an answer to its end. */
export class WholeAnswer implements ChunkSink {
  private readonly read: ChatChunk[] = [];
  private readonly whole = Promise.withResolvers<readonly ChatChunk[]>();

  /** All of it; rejects with why it broke off. */
  get chunks(): Promise<readonly ChatChunk[]> {
    return this.whole.promise;
  }

  chunk(chunk: ChatChunk): void {
    this.read.push(chunk);
  }

  end(error: unknown): void {
    if (error === null) this.whole.resolve(this.read);
    else this.whole.reject(error);
  }
}

/** A stream made of an iterable: answers that wait for nobody, and simulated ones. */
export class IteratedStream implements ChunkStream {
  private readonly chunks: AsyncIterator<ChatChunk>;
  private paused: PromiseWithResolvers<void> | null = null;
  private ended = false;

  constructor(source: AsyncIterable<ChatChunk>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<ChatChunk>> {
    return this.chunks.next();
  }

  async return(): Promise<IteratorResult<ChatChunk>> {
    this.ended = true;
    this.resume();
    await this.chunks.return?.();
    return { done: true, value: undefined };
  }

  relay(sink: ChunkSink): void {
    // eslint-disable-next-line no-restricted-syntax -- all that happens goes to the sink
    this.pump(sink).then(
      () => this.ended || sink.end(null),
      (error: unknown) => this.ended || sink.end(error),
    );
  }

  pause(): void {
    this.paused ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.paused?.resolve();
    this.paused = null;
  }

  private async pump(sink: ChunkSink): Promise<void> {
    for (let next = await this.chunks.next(); !next.done && !this.ended; next = await this.chunks.next()) {
      sink.chunk(next.value);
      if (this.paused) await this.paused.promise;
    }
  }
}
