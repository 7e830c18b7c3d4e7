import { Logger } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { TargetStatus } from '../../common/target.js';
import { SetTargetDrainedCommand } from './models.messages.js';
import { TargetCatalogue } from './target-catalogue.js';

@CommandHandler(SetTargetDrainedCommand)
export class SetTargetDrainedHandler implements ICommandHandler<SetTargetDrainedCommand> {
  private readonly logger = new Logger('models');

  constructor(private readonly catalogue: TargetCatalogue) {}

  async execute({ target, drained }: SetTargetDrainedCommand): Promise<TargetStatus> {
    const live = this.catalogue.get(target);
    live.drained = drained;
    this.logger.warn(`target ${target} is ${drained ? 'drained: it gets no new calls' : 'enabled again'}`);
    return live;
  }
}
