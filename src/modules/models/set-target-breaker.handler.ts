import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { LiveTarget } from './live-target.js';
import { SetTargetBreakerCommand } from './models.messages.js';

@CommandHandler(SetTargetBreakerCommand)
export class SetTargetBreakerHandler implements ICommandHandler<SetTargetBreakerCommand> {
  async execute({ target, state, openMs }: SetTargetBreakerCommand): Promise<void> {
    const live = LiveTarget.of(target);
    live.setBreaker(state, openMs);
    if (state === 'open') live.slots.suspend();
  }
}
