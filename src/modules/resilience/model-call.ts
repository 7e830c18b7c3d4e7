import type { Attempt } from '../../common/attempt.js';
import type { ChatChunk } from '../../common/chat.js';
import type { TargetStatus } from '../../common/target.js';
import { UpstreamFailure } from '../../common/upstream-failure.js';
import type { ModelStream } from '../models/models.messages.js';
import { brokenOff } from './call-failure.js';
import type { PrimedStream } from './primed.js';
import type { ModelAnswer } from './resilience.messages.js';

/** Marks how an attempt ended. `aborted` is for everything that was not the server's doing. */
export function endAttempt(attempt: Attempt, error: unknown): void {
  attempt.outcome = error instanceof UpstreamFailure ? error.outcome : 'aborted';
  if (error instanceof UpstreamFailure && error.detail.status !== undefined) attempt.status = error.detail.status;
}

/** The answer of the attempt that succeeded in beginning; see `ModelAnswer`. */
export class BegunAnswer implements ModelAnswer {
  constructor(
    readonly target: TargetStatus,
    private readonly attempt: Attempt,
    readonly fallback: boolean,
    private readonly failedMs: number,
    private readonly call: ModelStream,
    private readonly stream: PrimedStream,
  ) {}

  get model(): string {
    const named = this.stream.begun.flatMap(({ frames }) => frames).find(({ json }) => json.model);
    return named?.json.model ?? this.target.model;
  }

  get upstreamMs(): number {
    return this.failedMs + this.call.upstreamMs;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChatChunk> {
    const { attempt } = this;
    let whole = this.stream.ended;
    try {
      yield* this.stream.begun;
      while (!whole) {
        const next = await this.stream.rest.next();
        if (next.done) whole = true;
        else yield next.value;
      }
    } catch (error) {
      endAttempt(attempt, error);
      throw brokenOff(error);
    } finally {
      if (!whole && attempt.outcome === 'ok') attempt.outcome = 'aborted';
      if (!whole) await this.stream.rest.return?.();
    }
  }
}
