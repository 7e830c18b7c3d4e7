import { CommandHandler, QueryBus, type ICommandHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import type { TargetStatus } from '../../common/target.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { AnswerSearch } from './answer-search.js';
import { RecoveringAnswer } from './recovering-answer.js';
import { CallModelsCommand, type ModelAnswer } from './resilience.messages.js';
import { TargetAttempts } from './target-attempts.js';

@CommandHandler(CallModelsCommand)
export class CallModelsHandler implements ICommandHandler<CallModelsCommand> {
  constructor(
    private readonly config: LiveConfig,
    private readonly queries: QueryBus,
    private readonly attempts: TargetAttempts,
  ) {}

  /** Finds a target that begins to answer; what breaks off later is mended while the answer is read. */
  async execute(command: CallModelsCommand): Promise<ModelAnswer> {
    const { resilience } = this.config.current;
    const targets = await this.targetsOf(command.candidates);
    const search = new AnswerSearch(command, targets, this.attempts, resilience);
    return new RecoveringAnswer(command, search, resilience.streamRecovery, await search.begin());
  }

  private async targetsOf(ids: readonly string[]): Promise<TargetStatus[]> {
    const targets = await this.queries.execute(new ListTargetsQuery());
    return ids.flatMap((id) => targets.find((target) => target.id === id) ?? []);
  }
}
