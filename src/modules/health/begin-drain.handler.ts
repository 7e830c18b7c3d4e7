import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { BeginDrainCommand } from './health.messages.js';

/** Draining is final: a replica that said goodbye does not come back. */
@CommandHandler(BeginDrainCommand)
export class BeginDrainHandler implements ICommandHandler<BeginDrainCommand> {
  hasBegun = false;

  async execute(): Promise<void> {
    this.hasBegun = true;
  }
}
