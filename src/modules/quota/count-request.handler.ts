import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { QuotaLedger, type RateLimitHeaders } from './quota-ledger.js';
import { CountRequestCommand } from './quota.messages.js';

const UNLIMITED: RateLimitHeaders = Object.freeze({});

@CommandHandler(CountRequestCommand)
export class CountRequestHandler implements ICommandHandler<CountRequestCommand> {
  constructor(private readonly ledger: QuotaLedger) {}

  async execute({ caller }: CountRequestCommand): Promise<RateLimitHeaders> {
    return caller.limits.requestsPerMinute === undefined ? UNLIMITED : this.ledger.count(caller);
  }
}
