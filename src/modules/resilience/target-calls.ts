import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { AttemptLog, Attempt as Made } from '../../common/attempt.js';
import { CallerGone } from '../../common/http/caller-signal.js';
import type { TargetStatus } from '../../common/target.js';
import { AttemptTrace, type AttemptKind } from '../../common/tracing/attempt-trace.js';
import { EmbedModelCommand, StreamModelCommand, type TargetCall } from '../models/models.messages.js';
import { BegunAnswer, endAttempt, type AttemptFacts } from './begun-answer.js';
import type { EmbedCalls, ModelCalls } from './resilience.messages.js';
import { TargetBreakers } from './target-breakers.js';

/** One call of one target, until content is here. @throws BreakerOpen, UpstreamFailure, and the signal's reason */
export type Attempt = (target: TargetStatus, how: AttemptOptions) => Promise<BegunAnswer>;

export interface AttemptOptions {
  readonly signal: AbortSignal;
  /** Text to go on with, for a target that can (`prefill`). */
  readonly partialAnswer: string | null;
  /**
   * What the caller reads already is to go on: it must not stop for long, but it is past the request's deadline and the
   * target's own limits hold.
   */
  readonly answerHasBegun: boolean;
  /** It is made beside another one. */
  readonly isHedge?: true;
}

/** Makes single calls: through the target's breaker, written down in the request's attempts. */
@Injectable()
export class TargetCalls {
  constructor(
    private readonly commands: CommandBus,
    private readonly breakers: TargetBreakers,
  ) {}

  /** The calls that may be made for one request. @param whole the answer must be complete before anything of it is used */
  attemptsFor(calls: ModelCalls | EmbedCalls, whole: boolean): Attempt {
    const { attempts, budget } = calls;
    const startedAt = performance.now();
    const before = attempts.all.length;
    return async (target, how) => {
      const { signal, answerHasBegun } = how;
      const beginBy = answerHasBegun ? Infinity : performance.now() + timeLeft(target, calls);
      const isFallback = attempts.all.some(({ target: tried }) => tried !== target.id);
      const own = calls.trace?.isRecorded
        ? new AttemptTrace(calls.trace, target, kindOf(target, attempts.all, before, how))
        : null;
      const trace = calls.trace && calls.trace.toServer(own && own.spanId);
      const { fairMs } = budget;
      const command = commandFor(calls, { target, beginBy, fairMs, signal, isFallback, trace }, how);
      const beforeMs = attempts.all.length === 0 ? 0 : performance.now() - startedAt;
      return this.breakers.run(target, () => this.call(command, attempts, { whole, beforeMs, trace: own }));
    };
  }

  private async call(
    command: StreamModelCommand | EmbedModelCommand,
    attempts: AttemptLog,
    { trace, ...facts }: Pick<AttemptFacts, 'whole' | 'beforeMs'> & { readonly trace: AttemptTrace | null },
  ): Promise<BegunAnswer> {
    const { target } = command.call;
    const attempt = attempts.begin(target.id, trace);
    let answer: BegunAnswer | null = null;
    try {
      const stream = await this.commands.execute(command);
      answer = new BegunAnswer({ ...facts, target, attempt, guards: this.breakers }, stream);
      await answer.begun;
      if (trace) trace.beganAt = performance.now();
      this.breakers.of(target).rest.answered();
      return answer;
    } catch (error) {
      endAttempt(attempt, error);
      trace?.end();
      if (answer?.isSent && error instanceof CallerGone) attempts.left.push(target);
      throw error;
    } finally {
      attempt.ms = performance.now() - attempt.startedAt;
    }
  }
}

/** What is asked of a target: vectors, or an answer to a conversation. */
function commandFor(
  calls: ModelCalls | EmbedCalls,
  call: TargetCall,
  { partialAnswer }: AttemptOptions,
): StreamModelCommand | EmbedModelCommand {
  if (!('history' in calls)) return new EmbedModelCommand({ ...call, request: calls.request });
  const { request, history } = calls;
  return new StreamModelCommand({ ...call, request, history, partialAnswer });
}

/** @param before how many had been made for the request when these calls began: for a cascade, there are some */
function kindOf(target: TargetStatus, made: readonly Made[], before: number, how: AttemptOptions): AttemptKind {
  if (how.answerHasBegun) return 'recovery';
  if (made.length === before) return before === 0 ? 'first' : 'cascade';
  for (let i = before; i < made.length; i += 1) if (made[i]!.target === target.id) return 'retry';
  return how.isHedge ? 'hedge' : 'fallback';
}

/** Milliseconds until the answer must have begun, or be complete where it is plain. @throws DeadlineExceeded */
function timeLeft({ timeouts }: TargetStatus, calls: ModelCalls | EmbedCalls): number {
  const { budget } = calls;
  const isStreamed = 'history' in calls && calls.request.stream;
  const atLeastMs = isStreamed ? 0 : timeouts.plainMs;
  budget.assertTimeLeft(atLeastMs);
  return budget.remainingMs(atLeastMs);
}
