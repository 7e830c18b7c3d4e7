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
 * A stream of chunks. It begins when it is relayed; every read goes straight to the sink: no promise, no queue, no
 * microtask stands between the two sockets.
 */
export interface ChunkStream extends Flow {
  /** Hands all of it to `sink`, maybe at once. Called once. */
  relay(sink: ChunkSink): void;
  /** What is still to come is of no interest, and the sink is told nothing more. Does nothing once it has ended. */
  abandon(): void;
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

/** A stream made by a generator. */
export abstract class IteratedStream implements ChunkStream {
  private paused: PromiseWithResolvers<void> | null = null;
  private isAbandoned = false;

  protected abstract chunks(): AsyncIterable<ChatChunk>;

  relay(sink: ChunkSink): void {
    // eslint-disable-next-line no-restricted-syntax -- all that happens goes to the sink
    this.pump(sink).then(
      () => this.isAbandoned || sink.end(null),
      (error: unknown) => this.isAbandoned || sink.end(error),
    );
  }

  abandon(): void {
    this.isAbandoned = true;
    this.resume();
  }

  pause(): void {
    this.paused ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.paused?.resolve();
    this.paused = null;
  }

  private async pump(sink: ChunkSink): Promise<void> {
    for await (const chunk of this.chunks()) {
      if (this.isAbandoned) return;
      sink.chunk(chunk);
      if (this.paused) await this.paused.promise;
    }
  }
}
