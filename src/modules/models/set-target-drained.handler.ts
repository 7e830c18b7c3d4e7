import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { TargetStatus } from '../../common/target.js';
import { DrainSharing } from './drain-sharing.js';
import { SetTargetDrainedCommand } from './models.messages.js';
import { TargetCatalogue } from './target-catalogue.js';

@CommandHandler(SetTargetDrainedCommand)
export class SetTargetDrainedHandler implements ICommandHandler<SetTargetDrainedCommand> {
  constructor(
    private readonly catalogue: TargetCatalogue,
    private readonly sharing: DrainSharing,
  ) {}

  async execute({ target, drained }: SetTargetDrainedCommand): Promise<TargetStatus> {
    const live = this.catalogue.get(target);
    await this.sharing.set(target, drained);
    return live;
  }
}
