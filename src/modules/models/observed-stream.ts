import { hasContent, type ChatChunk } from '../../common/chat.js';
import { mayHaveToLoad } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import type { LiveTarget } from './live-target.js';
import type { ModelStream, StreamModelCommand } from './models.messages.js';

/**
 * Takes a slot of the target for the time of the call and notes how the call went. An iterator by hand: it is in the
 * path of every chunk, and an async generator would cost one more promise for each.
 */
export class ObservedStream implements ModelStream, AsyncIterator<ChatChunk> {
  private readonly chunks: AsyncIterator<ChatChunk>;
  private startedAt = 0;
  private firstTokenMs: number | null = null;
  private loading: NodeJS.Timeout | undefined;
  private state: 'waiting' | 'running' | 'ended' = 'waiting';

  constructor(
    private readonly target: LiveTarget,
    private readonly inner: ModelStream,
    private readonly command: StreamModelCommand,
  ) {
    this.chunks = inner[Symbol.asyncIterator]();
  }

  get upstreamMs(): number {
    return this.inner.upstreamMs;
  }

  private get hasEnded(): boolean {
    return this.state === 'ended';
  }

  [Symbol.asyncIterator](): AsyncIterator<ChatChunk> {
    return this;
  }

  async next(): Promise<IteratorResult<ChatChunk>> {
    if (this.state === 'waiting') await this.enter();
    try {
      const result = await this.chunks.next();
      if (result.done) this.end(null);
      else if (this.firstTokenMs === null) this.watchForContent(result.value);
      return result;
    } catch (error) {
      this.end(error);
      throw error;
    }
  }

  async return(): Promise<IteratorResult<ChatChunk>> {
    try {
      await this.chunks.return?.();
    } finally {
      clearTimeout(this.loading);
      if (this.state === 'running') this.target.slots.release();
      this.state = 'ended';
    }
    return { done: true, value: undefined };
  }

  private async enter(): Promise<void> {
    const { slots, timeouts } = this.target;
    const { request, beginWithinMs, signal, sentOn } = this.command;
    if (!slots.tryAcquire(sentOn)) {
      const patience = request.stream ? timeouts.firstTokenMs : timeouts.plainMs;
      await slots.acquire(sentOn, Math.min(beginWithinMs, patience), signal);
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

  private watchForContent({ frames }: ChatChunk): void {
    if (!frames.some((frame) => hasContent(frame.json))) return;
    this.firstTokenMs = performance.now() - this.startedAt;
    clearTimeout(this.loading);
    this.target.slots.answered();
    this.target.warmState.answered();
  }

  private end(error: unknown): void {
    if (this.state !== 'running') return;
    this.state = 'ended';
    clearTimeout(this.loading);
    const { slots, calls, warmState } = this.target;
    slots.release();
    if (error === null) calls.succeeded(this.command.request.stream ? this.firstTokenMs : null);
    else if (error instanceof UpstreamFailure && error.outcome === 'loading') warmState.keptWaiting();
    else if (error instanceof UpstreamFailure) {
      calls.failed(error);
      if (error.outcome === 'timeout' && this.firstTokenMs === null) warmState.keptWaiting();
    }
  }
}
