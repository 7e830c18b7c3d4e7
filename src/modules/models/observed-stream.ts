import type { ChatChunk } from '../../common/chat.js';
import { bringsContent } from '../../common/text-run.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import { mayHaveToLoad } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import type { LiveTarget } from './live-target.js';
import type { ModelCall, ModelStream } from './models.messages.js';

/** Takes a slot of the target for the time of the call and notes how the call went. */
export class ObservedStream implements ModelStream, ChunkSink {
  private startedAt = 0;
  private firstTokenMs: number | null = null;
  private loading: NodeJS.Timeout | undefined;
  private state: 'waiting' | 'running' | 'ended' = 'waiting';
  private sink: ChunkSink | null = null;

  constructor(
    private readonly target: LiveTarget,
    private readonly inner: ModelStream,
    private readonly call: ModelCall,
  ) {}

  get upstreamMs(): number {
    return this.inner.upstreamMs;
  }

  private get hasEnded(): boolean {
    return this.state === 'ended';
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ChatChunk>> {
    if (this.state === 'waiting') await this.enter();
    try {
      const result = await this.inner.next();
      if (result.done) this.leave(null);
      else if (this.firstTokenMs === null) this.watchForContent(result.value);
      return result;
    } catch (error) {
      this.leave(error);
      throw error;
    }
  }

  async return(): Promise<IteratorResult<ChatChunk>> {
    try {
      await this.inner.return();
    } finally {
      clearTimeout(this.loading);
      if (this.state === 'running') this.target.slots.release();
      this.state = 'ended';
    }
    return { done: true, value: undefined };
  }

  relay(sink: ChunkSink): void {
    this.sink = sink;
    this.inner.relay(this);
  }

  chunk(chunk: ChatChunk): void {
    if (this.firstTokenMs === null) this.watchForContent(chunk);
    this.sink?.chunk(chunk);
  }

  end(error: unknown): void {
    this.leave(error);
    this.sink?.end(error);
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  private async enter(): Promise<void> {
    const { slots, timeouts } = this.target;
    const { request, beginWithinMs, signal, isFallback } = this.call;
    if (!slots.tryAcquire(isFallback)) {
      const patience = request.stream ? timeouts.firstTokenMs : timeouts.plainMs;
      await slots.acquire(isFallback, Math.min(beginWithinMs, patience), signal);
      if (this.hasEnded) {
        slots.release();
        throw new UpstreamFailure('aborted', 'the call was given up while it waited for a slot');
      }
    }
    this.state = 'running';
    this.startedAt = performance.now();
    if (request.stream && mayHaveToLoad(this.target)) this.watchForLoading(timeouts.firstTokenMs);
  }

  /** Whoever decides in the meantime has to know that this model is still being loaded. */
  private watchForLoading(firstTokenMs: number): void {
    this.loading = setTimeout(() => this.target.warmState.keptWaiting(), firstTokenMs);
  }

  private watchForContent(chunk: ChatChunk): void {
    if (!bringsContent(chunk)) return;
    this.firstTokenMs = performance.now() - this.startedAt;
    clearTimeout(this.loading);
    this.target.slots.answered();
    this.target.warmState.answered();
  }

  private leave(error: unknown): void {
    if (this.state !== 'running') return;
    this.state = 'ended';
    clearTimeout(this.loading);
    const { slots, calls, warmState } = this.target;
    slots.release();
    if (error === null) calls.succeeded(this.call.request.stream ? this.firstTokenMs : null);
    else if (error instanceof UpstreamFailure && error.outcome === 'loading') warmState.keptWaiting();
    else if (error instanceof UpstreamFailure) {
      calls.failed(error);
      if (error.outcome === 'timeout' && this.firstTokenMs === null) warmState.keptWaiting();
    }
  }
}
