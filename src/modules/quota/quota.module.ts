import { Logger, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, type AbstractHttpAdapter } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import type { FastifyInstance } from 'fastify';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { budgetPrice } from '../../common/cost.js';
import type { CountRequest } from '../../common/http/counted.decorator.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { AzureTables } from '../../common/tables/adapters/azure-tables.js';
import { MemoryQuotaLedger } from './adapters/memory.quota-ledger.js';
import { RedisQuotaLedger } from './adapters/redis.quota-ledger.js';
import { RedisReplicaRegistry } from './adapters/redis.replica-registry.js';
import { SqliteMonthlySpend } from './adapters/sqlite.monthly-spend.js';
import { TablesReplicaRegistry } from './adapters/tables.replica-registry.js';
import { QuotaLedger } from './quota-ledger.js';
import { ReplicaCount } from './replica-count.js';
import { ReserveQuotaHandler } from './reserve-quota.handler.js';
import { SettleQuotaHandler } from './settle-quota.handler.js';

const REPLICAS_TABLE = 'replicas';

function replicaCount({ current }: LiveConfig, redis: RedisConnection, tables: AzureTables): ReplicaCount | null {
  if (!redis.configured) return null;
  const standIn = tables.configured ? new TablesReplicaRegistry(tables.table(REPLICAS_TABLE)) : null;
  return new ReplicaCount(new RedisReplicaRegistry(redis), standIn, current.redis.expectedReplicas);
}

/** Over all replicas with Redis, in this process without; there the embedded database keeps what was spent. */
function quotaLedger(redis: RedisConnection, replicas: ReplicaCount | null, spend: SqliteMonthlySpend): QuotaLedger {
  return replicas ? new RedisQuotaLedger(redis, replicas) : new MemoryQuotaLedger(spend);
}

/** How much callers may use: requests, tokens, calls in flight, money. */
@Module({
  imports: [CqrsModule],
  providers: [
    ReserveQuotaHandler,
    SettleQuotaHandler,
    SqliteMonthlySpend,
    { provide: ReplicaCount, useFactory: replicaCount, inject: [LiveConfig, RedisConnection, AzureTables] },
    { provide: QuotaLedger, useFactory: quotaLedger, inject: [RedisConnection, ReplicaCount, SqliteMonthlySpend] },
  ],
})
export class QuotaModule implements OnModuleInit {
  private readonly logger = new Logger('quota');
  private note: string | null = null;

  constructor(
    private readonly ledger: QuotaLedger,
    private readonly config: LiveConfig,
    private readonly host: HttpAdapterHost,
  ) {}

  /** The routes that are marked `@CountsAsRequest()` know nothing of this module. */
  onModuleInit(): void {
    const count: CountRequest = (caller) => this.ledger.count(caller);
    const http = this.host.httpAdapter as AbstractHttpAdapter | undefined; // none where the module is used by itself
    http?.getInstance<FastifyInstance>().decorate('countRequest', count);
    this.tellUnpriced(this.config.current);
    this.config.onChange((next) => this.tellUnpriced(next));
  }

  /** At the start, and when a reload changes it. */
  private tellUnpriced(config: RouterConfig): void {
    const note = unpricedNote(config);
    if (note !== null && note !== this.note) this.logger.warn(note);
    this.note = note;
  }
}

/** What an operator has to know about targets without a price, one line; `null` when all have one. */
function unpricedNote({ targets, limits }: Pick<RouterConfig, 'targets' | 'limits'>): string | null {
  const unpriced = targets.filter(({ price, provider }) => !price && provider !== 'simulated');
  if (unpriced.length === 0) return null;
  if (limits.unpriced === 'refuse') {
    const ids = unpriced.map(({ id }) => id).join(', ');
    return `${ids}: no price, so not for callers with a budget (limits.unpriced: refuse)`;
  }
  const counted = unpriced.map((target) => {
    const price = budgetPrice(target, targets);
    return `${target.id} at ${price ? `${price.input}/${price.output}` : '0, as no target has a price'}`;
  });
  return `targets without a price count in budgets (USD per million tokens): ${counted.join(', ')}; set targets[].price`;
}
