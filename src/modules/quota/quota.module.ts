import { Logger, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, type AbstractHttpAdapter } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import type { FastifyInstance } from 'fastify';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import type { CountRequest } from '../../common/http/counted.decorator.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { SqliteFile } from '../../common/sqlite/adapters/sqlite-file.js';
import { CountRequestHandler } from './count-request.handler.js';
import { QuotaCounting } from './quota-counting.js';
import { QuotaLedger } from './quota-ledger.js';
import { CountRequestCommand } from './quota.messages.js';
import { ReserveQuotaHandler } from './reserve-quota.handler.js';
import { SettleQuotaHandler } from './settle-quota.handler.js';
import { unpricedNote } from './unpriced-targets.js';

/** How much callers may use: requests, tokens, calls in flight, money. */
@Module({
  imports: [CqrsModule],
  providers: [
    ReserveQuotaHandler,
    CountRequestHandler,
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
    private readonly commands: CommandBus,
    private readonly host: HttpAdapterHost,
  ) {}

  /** The routes that are marked `@CountsAsRequest()` know nothing of this module. */
  onModuleInit(): void {
    const count: CountRequest = (caller) => this.commands.execute(new CountRequestCommand(caller));
    const http = this.host.httpAdapter as AbstractHttpAdapter | undefined; // none where the module is used by itself
    http?.getInstance<FastifyInstance>().decorate('countRequest', count);
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
