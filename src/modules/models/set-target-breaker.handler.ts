import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { SetTargetBreakerCommand } from './models.messages.js';
import { TargetCatalogue } from './target-catalogue.js';

@CommandHandler(SetTargetBreakerCommand)
export class SetTargetBreakerHandler implements ICommandHandler<SetTargetBreakerCommand> {
  constructor(private readonly catalogue: TargetCatalogue) {}

  async execute({ target, state }: SetTargetBreakerCommand): Promise<void> {
    const live = this.catalogue.find(target); // a reload may have removed it while its last calls failed
    if (!live) return;
    live.breakerState = state;
    if (state === 'open') live.slots.suspend();
  }
}
