import type { Attempt } from '../../common/attempt.js';
import { cutText } from '../../common/cut-text.js';
import type { TargetStatus } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import type { ModelStream } from '../models/models.messages.js';
import type { PrimedStream } from './primed.js';
import type { TargetGuards } from './target-breakers.js';

const MODEL_CHARACTERS = 256;

/** Marks how an attempt ended. `aborted` is for everything that was not the server's doing. */
export function endAttempt(attempt: Attempt, error: unknown): void {
  attempt.outcome = error instanceof UpstreamFailure ? error.outcome : 'aborted';
  if (error instanceof UpstreamFailure && error.detail.status !== undefined) attempt.status = error.detail.status;
}

/** One call of one target that has begun to answer. It ends exactly once, in one of three ways. */
export class BegunAttempt {
  private ended = false;

  constructor(
    readonly target: TargetStatus,
    readonly attempt: Attempt,
    readonly call: ModelStream,
    readonly stream: PrimedStream,
    /** Milliseconds that went by on other attempts before this one was made. */
    readonly beforeMs: number,
    private readonly guards: TargetGuards,
  ) {}

  /** As its server names it; it stands in a header. */
  get model(): string {
    const named = this.stream.begun.flatMap(({ frames }) => frames).find(({ json }) => json.model);
    return cutText(named?.json.model ?? this.target.model, MODEL_CHARACTERS);
  }

  whole(): void {
    this.ended = true;
    this.guards.breaker.answeredWhole();
    this.guards.retries.succeeded();
  }

  /** Broke off, by the server's fault or because the caller went away. */
  failed(error: unknown): void {
    this.ended = true;
    endAttempt(this.attempt, error);
    this.guards.breaker.brokeOff(error);
  }

  /** Nobody wants the rest; does nothing once it has ended. */
  async abandon(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.attempt.outcome = 'aborted';
    await this.stream.rest.return?.();
  }
}
