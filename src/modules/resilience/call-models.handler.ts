import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { CommandBus, CommandHandler, QueryBus, type ICommandHandler } from '@nestjs/cqrs';
import type { Attempt } from '../../common/attempt.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { TargetStatus } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';
import { ListTargetsQuery, StreamModelCommand } from '../models/models.messages.js';
import { failureOfAll, mendableOrThrow } from './call-failure.js';
import { BegunAnswer, endAttempt } from './model-call.js';
import { primed } from './primed.js';
import { CallModelsCommand, type ModelAnswer } from './resilience.messages.js';
import { retryDelayMs, worthWaiting } from './retry-delay.js';

/** What happened so far on the way to one answer. */
interface Progress {
  readonly failures: UpstreamFailure[];
  retriesLeft: number;
  failedMs: number;
}

@CommandHandler(CallModelsCommand)
export class CallModelsHandler implements ICommandHandler<CallModelsCommand> {
  private readonly logger = new Logger('resilience');

  constructor(
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  /** Tries the candidates in order until one has begun to answer. */
  async execute(command: CallModelsCommand): Promise<ModelAnswer> {
    const retriesLeft = this.config.current.resilience.retries;
    const progress: Progress = { failures: [], retriesLeft, failedMs: 0 };
    let waiting = await this.targetsOf(command.candidates);
    for (let target = waiting.shift(); target; target = waiting.shift()) {
      const begun = await this.tryTarget(target, command, progress, waiting.length > 0);
      if (begun) return begun;
      const failure = progress.failures.at(-1) as UpstreamFailure;
      const { contextWindow } = target;
      if (failure.remedy === 'larger_window') waiting = waiting.filter((other) => other.contextWindow > contextWindow);
      this.logFailure(target, waiting[0], failure);
    }
    throw failureOfAll(progress.failures, Math.random());
  }

  /** One target, again where that can help; `null` when it could not answer. */
  private async tryTarget(
    target: TargetStatus,
    command: CallModelsCommand,
    progress: Progress,
    othersLeft: boolean,
  ): Promise<ModelAnswer | null> {
    for (let retry = 0; ; retry += 1) {
      try {
        return await this.attempt(target, command, progress);
      } catch (error) {
        const failure = mendableOrThrow(error);
        progress.failures.push(failure);
        const waitMs = retryDelayMs(retry, failure.detail.retryAfterMs, Math.random());
        const again = failure.remedy === 'retry' && progress.retriesLeft > 0;
        if (!again || !worthWaiting(waitMs, command.budget.remainingMs(), othersLeft)) return null;
        progress.retriesLeft -= 1;
        await delay(waitMs, undefined, { signal: command.signal });
      }
    }
  }

  private async attempt(target: TargetStatus, command: CallModelsCommand, progress: Progress): Promise<ModelAnswer> {
    const { request, history, budget, signal } = command;
    const atLeastMs = request.stream ? 0 : target.timeouts.plainMs;
    budget.assertTimeLeft(atLeastMs);
    const attempt: Attempt = { target: target.id, outcome: 'ok', ms: 0 };
    command.attempts.push(attempt);
    const startedAt = performance.now();
    const call = await this.commands.execute(
      new StreamModelCommand(target.id, request, history, budget.remainingMs(atLeastMs), signal),
    );
    try {
      const stream = await primed(call);
      attempt.ms = performance.now() - startedAt;
      const fallback = target.id !== command.candidates[0];
      return new BegunAnswer(target, attempt, fallback, progress.failedMs, call, stream);
    } catch (error) {
      attempt.ms = performance.now() - startedAt;
      progress.failedMs += attempt.ms;
      endAttempt(attempt, error);
      throw error;
    }
  }

  private logFailure(from: TargetStatus, to: TargetStatus | undefined, { outcome, message }: UpstreamFailure): void {
    const level = outcome === 'auth' ? 'error' : 'warn';
    this.logger[level]({ target: from.id, outcome, next: to?.id ?? null }, `attempt failed: ${message}`);
  }

  private async targetsOf(ids: readonly string[]): Promise<TargetStatus[]> {
    const targets = await this.queries.execute(new ListTargetsQuery());
    return ids.flatMap((id) => targets.find((target) => target.id === id) ?? []);
  }
}
