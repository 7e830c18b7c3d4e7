import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import type { Attempt } from '../../common/attempt.js';
import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';
import { StreamModelCommand } from '../models/models.messages.js';
import { BegunAttempt, endAttempt } from './begun-attempt.js';
import { primed, wholly } from './primed.js';
import type { CallModelsCommand } from './resilience.messages.js';
import { TargetBreakers, type TargetGuards } from './target-breakers.js';

export interface AttemptOptions {
  readonly signal: AbortSignal;
  /** Milliseconds until the answer must have begun (stream) or be complete (plain). */
  readonly beginWithinMs: number;
  /** Text to go on with, for a target that can (`prefill`). */
  readonly partialAnswer: string | null;
  /** The answer must be complete before anything of it is used. */
  readonly whole: boolean;
  /** Whether another target failed before. */
  readonly sentOn: boolean;
  /** Milliseconds that went by on other attempts. */
  readonly beforeMs: number;
}

/** Makes single calls: through the target's breaker, written down in the request's attempts, until content is here. */
@Injectable()
export class TargetAttempts {
  /** Targets that a call nobody waits for any more is loading. */
  private readonly loading = new Set<string>();
  private readonly background = new BackgroundWork('resilience');

  constructor(
    private readonly commands: CommandBus,
    private readonly breakers: TargetBreakers,
  ) {}

  guardsOf(target: TargetStatus): TargetGuards {
    return this.breakers.of(target);
  }

  /** A call failed. @param askedAt when it began, `performance.now()` milliseconds */
  failed(target: TargetStatus, failure: UpstreamFailure, askedAt: number): void {
    this.breakers.failed(target, failure, askedAt);
  }

  /** @throws BreakerOpen, UpstreamFailure, and the signal's reason */
  async begin(target: TargetStatus, command: CallModelsCommand, options: AttemptOptions): Promise<BegunAttempt> {
    const guards = this.breakers.of(target);
    return this.breakers.run(target, () => this.call(target, command, options, guards));
  }

  /**
   * Lets a call that lost against a faster one go on, when it is what loads the target's model: an abort would end the
   * loading too, and the next caller would meet the same cold model. One such call a target. Written down as a timeout.
   *
   * @param startedAt of the call, `performance.now()` milliseconds
   * @param result settles when the call has begun to answer or failed
   * @returns whether it goes on
   */
  keepLoading(target: TargetStatus, command: CallModelsCommand, startedAt: number, result: Promise<unknown>): boolean {
    const { attempts, request } = command;
    const ms = performance.now() - startedAt;
    const loads = request.stream && ms >= target.timeouts.firstTokenMs && mayHaveToLoad(target);
    const at = attempts.findLastIndex(({ target: id }) => id === target.id);
    if (!loads || at < 0 || this.loading.has(target.id)) return false;
    attempts[at] = { target: target.id, startedAt, outcome: 'timeout', ms };
    this.loading.add(target.id);
    this.background.launch('loading a model', async () => {
      await Promise.allSettled([result]);
      this.loading.delete(target.id);
    });
    return true;
  }

  private async call(
    target: TargetStatus,
    { request, history, attempts }: CallModelsCommand,
    { signal, beginWithinMs, partialAnswer, whole, sentOn, beforeMs }: AttemptOptions,
    guards: TargetGuards,
  ): Promise<BegunAttempt> {
    const startedAt = performance.now();
    const attempt: Attempt = { target: target.id, startedAt, outcome: 'ok', ms: 0 };
    attempts.push(attempt);
    const command = new StreamModelCommand(target, request, history, beginWithinMs, signal, partialAnswer, sentOn);
    const call = await this.commands.execute(command);
    try {
      const stream = await (whole ? wholly(call) : primed(call));
      guards.rest.answered();
      return new BegunAttempt(target, attempt, call, stream, beforeMs, guards);
    } catch (error) {
      endAttempt(attempt, error);
      throw error;
    } finally {
      attempt.ms = performance.now() - startedAt;
    }
  }
}
