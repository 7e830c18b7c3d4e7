import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { fallback } from './call-models.handler.js';
import { Candidates } from './candidates.js';
import { RelayedAnswer } from './relayed-answer.js';
import { EmbedModelsCommand, type ModelAnswer } from './resilience.messages.js';
import { Retry } from './retry.js';
import { TargetBreakers } from './target-breakers.js';
import { TargetCalls } from './target-calls.js';

/** One attempt on each candidate in turn, with retries. Nothing is hedged: nobody reads along. */
@CommandHandler(EmbedModelsCommand)
export class EmbedModelsHandler implements ICommandHandler<EmbedModelsCommand> {
  constructor(
    private readonly config: LiveConfig,
    private readonly targets: TargetCalls,
    private readonly guards: TargetBreakers,
  ) {}

  async execute({ calls }: EmbedModelsCommand): Promise<ModelAnswer> {
    const { retries } = this.config.current.resilience;
    const candidates = new Candidates(calls, this.guards);
    const retry = new Retry(this.targets.attemptsFor(calls, true), candidates, this.guards, calls.budget, retries);
    const how = { signal: calls.signal, partialAnswer: null, answerHasBegun: false };
    const begun = await fallback(candidates, (target, options) => retry.tryTarget(target, options), how);
    return new RelayedAnswer(begun, calls.candidates[0], null);
  }
}
