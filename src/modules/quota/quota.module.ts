import { Logger, Module, type OnModuleInit } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CqrsModule, EventBus } from '@nestjs/cqrs';
import { getOptionsToken, getStorageToken, type ThrottlerModuleOptions } from '@nestjs/throttler';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { budgetPrice } from '../../common/cost.js';
import { priceListOf } from '../../common/prices/price-lists.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { AzureTables } from '../../common/tables/adapters/azure-tables.js';
import { MemoryQuotaLedger } from './adapters/memory.quota-ledger.js';
import { RedisQuotaLedger } from './adapters/redis.quota-ledger.js';
import { RedisReplicaRegistry } from './adapters/redis.replica-registry.js';
import { SqliteMonthlySpend } from './adapters/sqlite.monthly-spend.js';
import { TablesReplicaRegistry } from './adapters/tables.replica-registry.js';
import type { TellReached } from './budget-thresholds.js';
import { CountAddressHandler } from './count-address.handler.js';
import { CountRefusalsHandler } from './count-refusals.handler.js';
import { CountRequestHandler } from './count-request.handler.js';
import { QuotaLedger } from './quota-ledger.js';
import { BudgetThresholdReachedEvent } from './quota.messages.js';
import { Refusals } from './refusals.js';
import { ReplicaCount } from './replica-count.js';
import { RequestThrottle } from './request-throttle.js';
import { ReserveQuotaHandler } from './reserve-quota.handler.js';
import { SettleQuotaHandler } from './settle-quota.handler.js';
import { WINDOW_MS } from './sliding-window.js';
import { ThrottleLedger } from './throttle-ledger.js';

const REPLICAS_TABLE = 'replicas';

function replicaCount({ current }: LiveConfig, redis: RedisConnection, tables: AzureTables): ReplicaCount | null {
  if (!redis.configured) return null;
  const standIn = tables.configured ? new TablesReplicaRegistry(tables.table(REPLICAS_TABLE)) : null;
  return new ReplicaCount(new RedisReplicaRegistry(redis), standIn, current.redis.expectedReplicas);
}

/** Over all replicas with Redis, in this process without; there the embedded database keeps what was spent. */
function quotaLedger(
  redis: RedisConnection,
  replicas: ReplicaCount | null,
  spend: SqliteMonthlySpend,
  events: EventBus,
): QuotaLedger {
  const tell: TellReached = (reached) => {
    events.publish(new BudgetThresholdReachedEvent(reached));
  };
  return replicas ? new RedisQuotaLedger(redis, replicas, tell) : new MemoryQuotaLedger(spend, tell);
}

/** The limit itself comes with the caller; the library wants a number. */
const THROTTLERS: ThrottlerModuleOptions = {
  throttlers: [{ ttl: WINDOW_MS, limit: Number.MAX_SAFE_INTEGER }],
  setHeaders: false,
};

/** How much callers may use: requests, tokens, calls in flight, money. */
@Module({
  imports: [CqrsModule],
  providers: [
    ReserveQuotaHandler,
    SettleQuotaHandler,
    CountRequestHandler,
    CountAddressHandler,
    CountRefusalsHandler,
    Refusals,
    ThrottleLedger,
    { provide: getOptionsToken(), useValue: THROTTLERS },
    { provide: getStorageToken(), useExisting: ThrottleLedger },
    { provide: APP_GUARD, useClass: RequestThrottle },
    SqliteMonthlySpend,
    { provide: ReplicaCount, useFactory: replicaCount, inject: [LiveConfig, RedisConnection, AzureTables] },
    {
      provide: QuotaLedger,
      useFactory: quotaLedger,
      inject: [RedisConnection, ReplicaCount, SqliteMonthlySpend, EventBus],
    },
  ],
})
export class QuotaModule implements OnModuleInit {
  private readonly logger = new Logger('quota');
  private note: string | null = null;

  constructor(private readonly config: LiveConfig) {}

  onModuleInit(): void {
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
  // what only an answer names is no news: it is counted at its own price
  const unpriced = targets.filter(
    (target) => !target.price && target.provider !== 'simulated' && priceListOf(target) === null,
  );
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
