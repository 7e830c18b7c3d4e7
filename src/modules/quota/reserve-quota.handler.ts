import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { MemoryQuotaLedger } from './memory-quota-ledger.js';
import { ReserveQuotaCommand, type QuotaLease } from './quota.messages.js';

@CommandHandler(ReserveQuotaCommand)
export class ReserveQuotaHandler implements ICommandHandler<ReserveQuotaCommand> {
  constructor(private readonly ledger: MemoryQuotaLedger) {}

  async execute({ caller, tokens }: ReserveQuotaCommand): Promise<QuotaLease> {
    return this.ledger.reserve(caller, tokens);
  }
}
