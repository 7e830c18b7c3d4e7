import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DeadlineExceeded } from '../../common/app-error.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { BegunAnswer } from './begun-answer.js';
import { finalIfRetried } from './call-failure.js';
import { Candidates } from './candidates.js';
import { Hedge } from './hedge.js';
import { isOneText, RelayedAnswer, type Resume } from './relayed-answer.js';
import { CallModelsCommand, type ModelAnswer } from './resilience.messages.js';
import { goOn } from './resume.js';
import { Retry, type TryTarget } from './retry.js';
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
    const attempt = this.targets.attemptsFor(calls, request.stream === true && streamRecovery === 'buffer');
    const retried = (): TryTarget => {
      const retry = new Retry(attempt, candidates, this.guards, calls.budget, retries);
      return (target, how) => retry.tryTarget(target, how);
    };
    const tryTarget = this.hedge.around(retried(), candidates, calls, hedgeAfterMs);
    const begun = await fallback(candidates, tryTarget, { signal, partialAnswer: null, answerHasBegun: false });
    const resume: Resume = (cut, sent) =>
      goOn(cut, sent, { calls, candidates, guards: this.guards, tryTarget: retried() });
    const isRecovered = streamRecovery === 'resume' && isOneText(request);
    return new RelayedAnswer(begun, calls.candidates[0], isRecovered ? resume : null);
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
