import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { LiveConfig } from '../../common/config/live-config.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { QuotaCounting } from './quota-counting.js';
import { QuotaLedger } from './quota-ledger.js';
import { ReserveQuotaHandler } from './reserve-quota.handler.js';
import { SettleQuotaHandler } from './settle-quota.handler.js';

/** How much callers may use: requests, tokens, calls in flight, money. */
@Module({
  providers: [
    ReserveQuotaHandler,
    SettleQuotaHandler,
    {
      provide: QuotaCounting,
      useFactory: (config: LiveConfig, redis: RedisConnection, database: SqliteFile) =>
        new QuotaCounting(config.current, redis, database),
      inject: [LiveConfig, RedisConnection, SqliteFile],
    },
    { provide: QuotaLedger, useFactory: ({ ledger }: QuotaCounting) => ledger, inject: [QuotaCounting] },
  ],
})
export class QuotaModule implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly counting: QuotaCounting) {}

  onModuleInit(): void {
    this.counting.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.counting.close();
  }
}
