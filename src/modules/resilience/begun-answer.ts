import type { ChatChunk } from '../../common/chat.js';
import { bringsContent } from '../../common/text-run.js';
import type { ChunkSink } from '../../common/chunk-stream.js';
import type { Attempt } from '../../common/attempt.js';
import { cutText } from '../../common/cut-text.js';
import type { TargetStatus } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import type { ModelStream } from '../models/models.messages.js';
import type { TargetBreakers } from './target-breakers.js';

const MODEL_CHARACTERS = 256;

/** Marks how an attempt ended. `aborted` is for everything that was not the server's doing. */
export function endAttempt(attempt: Attempt, error: unknown): void {
  attempt.outcome = error instanceof UpstreamFailure ? error.outcome : 'aborted';
  if (error instanceof UpstreamFailure && error.detail.status !== undefined) attempt.status = error.detail.status;
}

/**
 * Pulls until something readable has arrived, so that everything that goes wrong before it is still a failed attempt
 * and not a broken answer.
 *
 * @param whole to the end: nothing of the answer is seen before it is known to be complete (`streamRecovery: buffer`)
 * @returns what was pulled
 */
export async function primed(stream: ModelStream, whole = false): Promise<ChatChunk[]> {
  const head: ChatChunk[] = [];
  try {
    for (let next = await stream.next(); !next.done; next = await stream.next()) {
      head.push(next.value);
      if (!whole && bringsContent(next.value)) break;
    }
    return head;
  } catch (error) {
    await stream.return(); // whatever went wrong, the call and its slot are given back
    throw error;
  }
}

/** One call of one target that has begun to answer. It ends exactly once, in one of three ways. */
export class BegunAnswer {
  private ended = false;

  /**
   * @param head what was pulled of it
   * @param beforeMs milliseconds that went by on other attempts before this one was made
   */
  constructor(
    readonly target: TargetStatus,
    readonly attempt: Attempt,
    private readonly stream: ModelStream,
    private readonly head: readonly ChatChunk[],
    private readonly beforeMs: number,
    private readonly guards: TargetBreakers,
  ) {}

  /** As its server names it; it stands in a header. */
  get model(): string {
    for (const { frames } of this.head) {
      for (const { json } of frames) if (json.model) return cutText(json.model, MODEL_CHARACTERS);
    }
    return cutText(this.target.model, MODEL_CHARACTERS);
  }

  /** Milliseconds spent waiting for model servers until it began, failed tries included. */
  get upstreamMs(): number {
    return this.beforeMs + this.stream.upstreamMs;
  }

  /** Hands out the answer from its beginning. */
  relay(sink: ChunkSink): void {
    for (const chunk of this.head) sink.chunk(chunk);
    if (!this.ended) this.stream.relay(sink);
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  succeeded(): void {
    this.ended = true;
    const { breaker, retries } = this.guards.of(this.target);
    breaker.answeredWhole();
    retries.succeeded();
  }

  /** Broke off, by the server's fault or because the caller went away. */
  failed(error: unknown): void {
    this.ended = true;
    endAttempt(this.attempt, error);
    this.guards.of(this.target).breaker.brokeOff(error);
    // it may ask for rest as any other failure does
    if (error instanceof UpstreamFailure) this.guards.failed(this.target, error, this.attempt.startedAt);
  }

  /** Nobody wants the rest; does nothing once it has ended. */
  async abandon(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.attempt.outcome = 'aborted';
    await this.stream.return();
  }
}
