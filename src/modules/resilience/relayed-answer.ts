import type { ChatChunk } from '../../common/chat.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import type { TargetStatus } from '../../common/target.js';
import type { BegunAnswer } from './begun-answer.js';
import { brokenOff } from './call-failure.js';
import type { ModelAnswer } from './resilience.messages.js';

/** The answer of the attempt that has begun, as it comes. See `ModelAnswer`. */
export class RelayedAnswer implements ModelAnswer, ChunkSink {
  protected sink: ChunkSink | null = null;
  protected isAbandoned = false;

  /** @param first the target that was to answer */
  constructor(
    protected current: BegunAnswer,
    private readonly first: TargetStatus | undefined,
  ) {}

  get model(): string {
    return this.current.model;
  }

  get target(): TargetStatus {
    return this.current.target;
  }

  get fallback(): boolean {
    return this.current.target !== this.first;
  }

  get upstreamMs(): number {
    return this.current.upstreamMs;
  }

  relay(sink: ChunkSink): void {
    this.sink = sink;
    this.current.relay(this);
  }

  pause(): void {
    this.current.pause();
  }

  resume(): void {
    this.current.resume();
  }

  async abandon(): Promise<void> {
    this.isAbandoned = true;
    await this.current.abandon();
  }

  chunk(chunk: ChatChunk): void {
    this.sink?.chunk(chunk);
  }

  end(error: unknown): void {
    if (this.isAbandoned) return;
    if (error === null) this.current.succeeded();
    else this.current.failed(error);
    this.sink?.end(error === null ? null : brokenOff(error));
  }
}
