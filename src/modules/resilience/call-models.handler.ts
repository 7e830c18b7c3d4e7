import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnswerSearch } from './answer-search.js';
import { RecoveringAnswer } from './recovering-answer.js';
import { CallModelsCommand, type ModelAnswer } from './resilience.messages.js';
import { TargetAttempts } from './target-attempts.js';

@CommandHandler(CallModelsCommand)
export class CallModelsHandler implements ICommandHandler<CallModelsCommand> {
  constructor(
    private readonly config: LiveConfig,
    private readonly attempts: TargetAttempts,
  ) {}

  /** Finds a target that begins to answer; what breaks off later is mended while the answer is read. */
  async execute(command: CallModelsCommand): Promise<ModelAnswer> {
    const { resilience } = this.config.current;
    const search = new AnswerSearch(command, this.attempts, resilience);
    return new RecoveringAnswer(command, search, resilience.streamRecovery, await search.begin());
  }
}
