import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { BeginDrainCommand } from './health.messages.js';
import { ReplicaPhase } from './phase.js';

@CommandHandler(BeginDrainCommand)
export class BeginDrainHandler implements ICommandHandler<BeginDrainCommand> {
  constructor(private readonly phase: ReplicaPhase) {}

  async execute(): Promise<void> {
    this.phase.beginDrain();
  }
}
