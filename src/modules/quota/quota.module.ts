import { Logger, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { QuotaCounting } from './quota-counting.js';
import { QuotaLedger } from './quota-ledger.js';
import { ReserveQuotaHandler } from './reserve-quota.handler.js';
import { SettleQuotaHandler } from './settle-quota.handler.js';
import { unpricedNote } from './unpriced-targets.js';

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
  private readonly logger = new Logger('quota');
  private note: string | null = null;

  constructor(
    private readonly counting: QuotaCounting,
    private readonly config: LiveConfig,
  ) {}

  onModuleInit(): void {
    this.counting.start();
    this.tellUnpriced(this.config.current);
    this.config.onChange((next) => this.tellUnpriced(next));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.counting.close();
  }

  /** At the start, and when a reload changes it. */
  private tellUnpriced(config: RouterConfig): void {
    const note = unpricedNote(config);
    if (note !== null && note !== this.note) this.logger.warn(note);
    this.note = note;
  }
}
