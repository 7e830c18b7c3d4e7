import type { Attempt } from '../../common/attempt.js';
import type { ChatChunk } from '../../common/chat.js';
import type { ChunkSink, ChunkStream } from '../../common/chunk-stream.js';
import { cutText } from '../../common/cut-text.js';
import type { TargetStatus } from '../../common/target.js';
import { bringsContent } from '../../common/text-run.js';
import { together } from '../../common/together.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import type { ModelStream } from '../models/models.messages.js';
import type { TargetBreakers } from './target-breakers.js';

const MODEL_CHARACTERS = 256;

/** Marks how an attempt ended. `aborted` is for everything that was not the server's doing. */
export function endAttempt(attempt: Attempt, error: unknown): void {
  attempt.outcome = error instanceof UpstreamFailure ? error.outcome : 'aborted';
  if (error instanceof UpstreamFailure && error.detail.status !== undefined) attempt.status = error.detail.status;
}

/** What is known of an attempt when its call goes out. */
export interface AttemptFacts {
  readonly target: TargetStatus;
  readonly attempt: Attempt;
  readonly guards: TargetBreakers;
  /** Nothing of the answer is seen before it is known to be complete (`streamRecovery: buffer`). */
  readonly whole: boolean;
  /** Milliseconds that went by on other attempts before this one was made. */
  readonly beforeMs: number;
}

/**
 * One call of one target on its way to an answer. Until something readable has come, what goes wrong is a failed attempt
 * and not a broken answer. Keeps what comes before somebody reads, and holds the server up then. Once it has begun it ends
 * exactly once, in one of three ways.
 */
export class BegunAnswer implements ChunkStream, ChunkSink {
  private readonly head: ChatChunk[] = [];
  private readonly beginning = Promise.withResolvers<void>();
  private sink: ChunkSink | null = null;
  private isBegun = false;
  /** By who reads. */
  private isPaused = false;
  /** The end of the stream; the sink may not know of it yet. */
  private streamEnd: { readonly error: unknown } | null = null;
  private hasEnded = false;

  constructor(
    private readonly facts: AttemptFacts,
    private readonly stream: ModelStream,
  ) {
    stream.relay(this);
  }

  /** Resolves when it has begun. @throws UpstreamFailure, and the signal's reason */
  get begun(): Promise<void> {
    return this.beginning.promise;
  }

  /** Whether the prompt has gone out to a server. */
  get isSent(): boolean {
    return this.stream.isSent;
  }

  get target(): TargetStatus {
    return this.facts.target;
  }

  /** As its server names it; it stands in a header. */
  get model(): string {
    for (const { frames } of this.head) {
      for (const { json } of frames) if (json.model) return cutText(json.model, MODEL_CHARACTERS);
    }
    return cutText(this.target.model, MODEL_CHARACTERS);
  }

  /** Milliseconds spent waiting for model servers until it began, failed tries included. */
  get upstreamMs(): number {
    return this.facts.beforeMs + this.stream.upstreamMs;
  }

  chunk(chunk: ChatChunk): void {
    if (this.sink !== null) return this.sink.chunk(chunk);
    this.head.push(chunk);
    if (this.isBegun) this.stream.pause();
    else if (!this.facts.whole && bringsContent(chunk)) this.begin();
  }

  end(error: unknown): void {
    this.streamEnd = { error };
    this.facts.attempt.trace?.end();
    if (this.sink !== null) this.finish(this.sink, error);
    else if (error === null) this.begin();
    else if (!this.isBegun) this.beginning.reject(error);
  }

  /** Its end is told with what the server did wrong, as it is. */
  relay(sink: ChunkSink): void {
    for (const chunk of this.head) sink.chunk(chunk);
    if (this.hasEnded) return; // the sink wants no more
    this.sink = sink;
    if (this.streamEnd !== null) this.finish(sink, this.streamEnd.error);
    else if (!this.isPaused) this.stream.resume();
  }

  pause(): void {
    this.isPaused = true;
    this.stream.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.stream.resume();
  }

  abandon(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.facts.attempt.outcome = 'aborted';
    this.facts.attempt.trace?.end();
    this.stream.abandon();
  }

  private begin(): void {
    if (this.isBegun) return;
    this.isBegun = true;
    together(this.beginning.resolve);
  }

  private finish(sink: ChunkSink, error: unknown): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    const { target, attempt, guards } = this.facts;
    const { breaker, retries, trouble } = guards.of(target);
    if (error === null) {
      breaker.answeredWhole();
      retries.succeeded();
      trouble.worked();
    } else {
      endAttempt(attempt, error);
      breaker.brokeOff(error);
      // it may ask for rest as any other failure does
      if (error instanceof UpstreamFailure) guards.failed(target, error, attempt.startedAt);
    }
    sink.end(error);
  }
}
