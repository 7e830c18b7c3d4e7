import type { ChatChunk } from '../../common/chat.js';
import { bringsContent } from '../../common/text-run.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import { mayHaveToLoad } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import { EARLY_MS } from './adapters/stream-clock.js';
import type { LiveTarget } from './live-target.js';
import type { ModelStream } from './models.messages.js';

/** One call of a target that has a slot for it: gives the slot back at its end, and notes how the call went. */
export class ObservedStream implements ModelStream, ChunkSink {
  private startedAt = 0;
  private firstTokenMs: number | null = null;
  private loading: NodeJS.Timeout | undefined;
  private hasEnded = false;
  private sink: ChunkSink | null = null;

  /** @param isStreamed whether the answer was asked for in pieces @param fairMs see `ModelCall` */
  constructor(
    private readonly target: LiveTarget,
    private readonly inner: ModelStream,
    private readonly isStreamed: boolean,
    private readonly fairMs: number,
  ) {}

  get upstreamMs(): number {
    return this.inner.upstreamMs;
  }

  get isSent(): boolean {
    return this.inner.isSent;
  }

  relay(sink: ChunkSink): void {
    this.sink = sink;
    this.startedAt = performance.now();
    if (this.isStreamed && mayHaveToLoad(this.target)) {
      // whoever decides in the meantime has to know that this model is still being loaded
      this.loading = setTimeout(keptWaiting, this.target.timeouts.firstTokenMs, this.target);
    }
    this.inner.relay(this);
  }

  abandon(): void {
    this.inner.abandon();
    this.leave();
  }

  chunk(chunk: ChatChunk): void {
    if (this.firstTokenMs === null) this.watchForContent(chunk);
    this.sink?.chunk(chunk);
  }

  end(error: unknown): void {
    const told = this.isShort(error) ? new UpstreamFailure('timeout', error.message, { isShort: true }) : error;
    if (this.leave()) this.note(told);
    this.sink?.end(told);
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  private watchForContent(chunk: ChatChunk): void {
    if (this.isStreamed && !bringsContent(chunk)) return; // what comes whole is an answer
    this.firstTokenMs = performance.now() - this.startedAt;
    clearTimeout(this.loading);
    this.target.slots.answered();
    this.target.warmState.answered();
  }

  /** @returns whether it was there until now */
  private leave(): boolean {
    if (this.hasEnded) return false;
    this.hasEnded = true;
    clearTimeout(this.loading);
    this.target.slots.release();
    return true;
  }

  private isShort(error: unknown): error is UpstreamFailure {
    if (!(error instanceof UpstreamFailure) || error.outcome !== 'timeout' || this.firstTokenMs !== null) return false;
    return performance.now() - this.startedAt < this.fairMs - EARLY_MS;
  }

  private note(error: unknown): void {
    const { calls, warmState } = this.target;
    if (error instanceof UpstreamFailure && error.detail.isShort) return;
    if (error === null) calls.succeeded(this.isStreamed ? this.firstTokenMs : null);
    else if (error instanceof UpstreamFailure && error.outcome === 'loading') warmState.keptWaiting();
    else if (error instanceof UpstreamFailure) {
      calls.failed(error);
      if (error.outcome === 'timeout' && this.firstTokenMs === null) warmState.keptWaiting();
    }
  }
}

const keptWaiting = ({ warmState }: LiveTarget): void => warmState.keptWaiting();
