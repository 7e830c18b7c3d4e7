import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CountAddressCommand } from './quota.messages.js';
import { ThrottleLedger } from './throttle-ledger.js';

@CommandHandler(CountAddressCommand)
export class CountAddressHandler implements ICommandHandler<CountAddressCommand> {
  constructor(private readonly ledger: ThrottleLedger) {}

  execute({ address, what }: CountAddressCommand): Promise<void> {
    return this.ledger.countAddress(address, what);
  }
}
