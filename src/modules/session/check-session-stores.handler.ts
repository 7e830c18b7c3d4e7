import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import type { StoreCheck } from '../../common/store-check.js';
import { StoreLook } from '../../common/store-look.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { TablesSessionIndex } from './adapters/tables.session-index.js';
import { CheckSessionStoresQuery, type SessionStoreChecks } from './session.messages.js';
import { SessionStores } from './session-stores.js';

/** Each store is looked at by itself: one that hangs neither delays nor hides what the others say. */
@QueryHandler(CheckSessionStoresQuery)
export class CheckSessionStoresHandler implements IQueryHandler<CheckSessionStoresQuery> {
  private readonly turns: StoreLook;
  private readonly redis: StoreLook | null;
  private readonly tables: StoreLook | null;
  private readonly outbox: StoreLook | null;

  constructor(
    private readonly stores: SessionStores,
    redis: RedisConnection,
  ) {
    const { turnStore, index } = stores;
    const { shared } = stores.outboxes;
    this.turns = new StoreLook(() => turnStore.check());
    this.redis = redis.configured ? new StoreLook(() => redis.check()) : null;
    this.tables = index instanceof TablesSessionIndex ? new StoreLook(() => index.check()) : null;
    this.outbox = shared && new StoreLook(() => outboxCheck(() => shared.durable()));
  }

  async execute(): Promise<SessionStoreChecks> {
    const [sessions, redis, tables, outbox] = await Promise.all([
      this.turns.get(),
      this.redis?.get() ?? null,
      this.tables?.get() ?? null,
      this.outbox?.get() ?? null,
    ]);
    const durable = sessions.healthy || (redis?.healthy === true && outbox?.healthy === true);
    return { durable, sessions, redis, cosmos: this.stores.cosmos ? sessions : null, tables };
  }
}

/** Whether what the shared outbox takes is safe; Redis is asked that every 30 s. */
async function outboxCheck(durable: () => Promise<boolean>): Promise<StoreCheck> {
  return { healthy: await ifAvailable(durable, false), detail: 'the outbox in Redis' };
}
