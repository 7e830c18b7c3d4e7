import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ForgetCachedAnswersCommand } from './cache.messages.js';
import { Forgetting } from './forgetting.js';

@CommandHandler(ForgetCachedAnswersCommand)
export class ForgetCachedAnswersHandler implements ICommandHandler<ForgetCachedAnswersCommand> {
  constructor(private readonly forgetting: Forgetting) {}

  execute({ session }: ForgetCachedAnswersCommand): Promise<void> {
    return this.forgetting.forgetSession(session);
  }
}
