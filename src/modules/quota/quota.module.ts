import { Module } from '@nestjs/common';
import { MemoryQuotaLedger } from './memory-quota-ledger.js';
import { ReserveQuotaHandler } from './reserve-quota.handler.js';
import { SettleQuotaHandler } from './settle-quota.handler.js';

/** How much callers may use: requests, tokens, calls in flight, money. Counted in memory, for this replica. */
@Module({
  providers: [
    ReserveQuotaHandler,
    SettleQuotaHandler,
    { provide: MemoryQuotaLedger, useFactory: () => new MemoryQuotaLedger() },
  ],
})
export class QuotaModule {}
