import type { ChatChunk } from '../../../common/chat.js';
import type { ChunkSink, ChunkStream } from '../../../common/chunk-stream.js';

const END: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/**
 * A stream whose source pushes and whose one reader pulls first and has the rest relayed. Keeps only what came while the
 * reader wanted nothing, and holds the source up then.
 */
export abstract class PushedStream implements ChunkStream {
  private readonly kept: ChatChunk[] = [];
  private sink: ChunkSink | null = null;
  private pull: PromiseWithResolvers<IteratorResult<ChatChunk>> | null = null;
  private isPaused = false;
  private ended = false;
  private error: unknown = null;
  /** Whether the sink knows of the end. */
  private told = false;

  abstract return(): Promise<IteratorResult<ChatChunk>>;
  /** Whether the reader wants more; asked for again and again. */
  protected abstract want(more: boolean): void;

  protected get hasEnded(): boolean {
    return this.ended;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<ChatChunk>> {
    const value = this.kept.shift();
    if (value) return Promise.resolve({ done: false, value });
    const pull = Promise.withResolvers<IteratorResult<ChatChunk>>();
    if (!this.ended) {
      this.pull = pull;
      this.want(true);
    } else if (this.error === null) pull.resolve(END);
    else pull.reject(this.error);
    return pull.promise;
  }

  relay(sink: ChunkSink): void {
    this.sink = sink;
    this.handOut(sink);
  }

  pause(): void {
    this.isPaused = true;
    this.want(false);
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    if (this.sink === null) return;
    try {
      this.handOut(this.sink);
    } catch (error) {
      if (this.ended) this.tell(error);
      else this.end(error); // the sink's own fault costs this stream, and no other one
    }
  }

  /** The source has read this. */
  protected put(chunk: ChatChunk): void {
    if (this.sink !== null && !this.isPaused) return this.sink.chunk(chunk);
    if (this.pull !== null) {
      const { resolve } = this.pull;
      this.pull = null;
      return resolve({ done: false, value: chunk });
    }
    this.kept.push(chunk);
    this.want(false);
  }

  /** The source has come to its end; what it read before is handed out first. @param error `null` = complete */
  protected end(error: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.error = error;
    if (this.pull !== null) {
      const { resolve, reject } = this.pull;
      this.pull = null;
      if (error === null) resolve(END);
      else reject(error);
    } else if (!this.isPaused) this.tell(error);
  }

  private tell(error: unknown): void {
    if (this.sink === null || this.told) return;
    this.told = true;
    this.sink.end(error);
  }

  private handOut(sink: ChunkSink): void {
    while (this.kept.length > 0 && !this.isPaused) sink.chunk(this.kept.shift()!);
    if (this.isPaused) return;
    if (this.ended) this.tell(this.error);
    else this.want(true);
  }
}
