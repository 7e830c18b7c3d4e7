import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CountRequestCommand } from './quota.messages.js';
import { ThrottleLedger } from './throttle-ledger.js';

@CommandHandler(CountRequestCommand)
export class CountRequestHandler implements ICommandHandler<CountRequestCommand> {
  constructor(private readonly ledger: ThrottleLedger) {}

  execute({ caller }: CountRequestCommand): Promise<Readonly<Record<string, string>>> {
    return this.ledger.count(caller);
  }
}
