import { randomUUID } from 'node:crypto';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { QuotaLedger } from './quota-ledger.js';
import { Refusals } from './refusals.js';
import { NO_LEASE, ReserveQuotaCommand, type QuotaLease } from './quota.messages.js';

@CommandHandler(ReserveQuotaCommand)
export class ReserveQuotaHandler implements ICommandHandler<ReserveQuotaCommand> {
  constructor(
    private readonly ledger: QuotaLedger,
    private readonly refusals: Refusals,
  ) {}

  async execute({ accounts, need }: ReserveQuotaCommand): Promise<QuotaLease> {
    if (accounts.length === 0) return NO_LEASE;
    const id = randomUUID();
    try {
      return { headers: await this.ledger.reserve(accounts, need, id), id, accounts };
    } catch (error) {
      this.refusals.note(error);
      throw error;
    }
  }
}
