import { randomUUID } from 'node:crypto';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { CallerLimits } from '../../common/caller.js';
import { QuotaLedger } from './quota-ledger.js';
import { ReserveQuotaCommand, type QuotaLease } from './quota.messages.js';

const UNLIMITED: QuotaLease = Object.freeze({ headers: Object.freeze({}), id: null });

@CommandHandler(ReserveQuotaCommand)
export class ReserveQuotaHandler implements ICommandHandler<ReserveQuotaCommand> {
  constructor(private readonly ledger: QuotaLedger) {}

  async execute({ caller, need }: ReserveQuotaCommand): Promise<QuotaLease> {
    if (isUnlimited(caller.limits)) return UNLIMITED;
    const id = randomUUID();
    return { headers: await this.ledger.reserve(caller, need, id), id };
  }
}

/** Whether nothing of the caller has to be counted. */
const isUnlimited = ({ requestsPerMinute, tokensPerMinute, concurrent, usdPerMonth }: CallerLimits): boolean =>
  (requestsPerMinute ?? tokensPerMinute ?? concurrent ?? usdPerMonth) === undefined;
