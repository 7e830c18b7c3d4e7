import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DeadlineExceeded } from '../../common/app-error.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { BegunAnswer } from './begun-answer.js';
import { finalIfRetried } from './call-failure.js';
import { Candidates } from './candidates.js';
import { Hedge } from './hedge.js';
import { isOneText, RelayedAnswer } from './relayed-answer.js';
import { CallModelsCommand, type ModelAnswer, type ModelCalls } from './resilience.messages.js';
import { CutAnswers } from './resume.js';
import { Retry, type RetrySettings, type TryTarget } from './retry.js';
import { TargetBreakers } from './target-breakers.js';
import { TargetCalls, type AttemptOptions } from './target-calls.js';

/** One attempt on each candidate in turn, and around it what the configuration asks for: retries, a hedge, recovery. */
@CommandHandler(CallModelsCommand)
export class CallModelsHandler implements ICommandHandler<CallModelsCommand> {
  constructor(
    private readonly config: LiveConfig,
    private readonly targets: TargetCalls,
    private readonly guards: TargetBreakers,
    private readonly hedge: Hedge,
  ) {}

  async execute({ calls }: CallModelsCommand): Promise<ModelAnswer> {
    const { retries, hedgeAfterMs, streamRecovery } = this.config.current.resilience;
    const { request, signal } = calls;
    const candidates = new Candidates(calls, this.guards);
    const whole = request.stream === true && streamRecovery === 'buffer';
    const once = this.retried(calls, candidates, { retries, answerHasBegun: false, whole });
    const tryTarget = calls.candidates.length > 1 ? this.hedge.around(once, candidates, calls, hedgeAfterMs) : once;
    const begun = await fallback(candidates, tryTarget, { signal, partialAnswer: null });
    const [first] = calls.candidates;
    if (streamRecovery !== 'resume' || !isOneText(request)) return new RelayedAnswer(begun, first, null);
    return new RelayedAnswer(begun, first, (cut, sent) => {
      const again = this.retried(calls, candidates, { retries, answerHasBegun: true, whole: false });
      return new CutAnswers(calls, candidates, this.guards, again).goOn(cut, sent);
    });
  }

  private retried(calls: ModelCalls, candidates: Candidates, settings: RetrySettings & { whole: boolean }): TryTarget {
    const attempt = this.targets.attemptsFor(calls, settings);
    const retry = new Retry(attempt, candidates, this.guards, calls, settings);
    return (target, how) => retry.tryTarget(target, how);
  }
}

/** Tries the candidates in order until one has begun to answer. @throws AppError when none can */
export async function fallback(
  candidates: Candidates,
  tryTarget: TryTarget,
  how: AttemptOptions,
): Promise<BegunAnswer> {
  try {
    for (let target = await candidates.next(); target; target = await candidates.next()) {
      const begun = await tryTarget(target, how);
      if (begun) return begun;
    }
  } catch (error) {
    throw error instanceof DeadlineExceeded ? finalIfRetried(error, candidates.failures) : error;
  }
  throw candidates.failureOfAll();
}
