import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { SetTargetBreakerCommand } from './models.messages.js';
import { TargetCatalogue } from './target-catalogue.js';

@CommandHandler(SetTargetBreakerCommand)
export class SetTargetBreakerHandler implements ICommandHandler<SetTargetBreakerCommand> {
  constructor(private readonly catalogue: TargetCatalogue) {}

  async execute({ target, state, openMs }: SetTargetBreakerCommand): Promise<void> {
    const live = this.catalogue.held(target);
    live.setBreaker(state, openMs);
    if (state === 'open') live.slots.suspend();
  }
}
