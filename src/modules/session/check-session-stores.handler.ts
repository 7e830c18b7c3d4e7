import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { TablesSessionIndex } from './adapters/tables.session-index.js';
import { CheckSessionStoresQuery, type SessionStoreChecks } from './session.messages.js';
import { SessionStores } from './session-stores.js';

@QueryHandler(CheckSessionStoresQuery)
export class CheckSessionStoresHandler implements IQueryHandler<CheckSessionStoresQuery> {
  constructor(
    private readonly stores: SessionStores,
    private readonly redis: RedisConnection,
  ) {}

  async execute(): Promise<SessionStoreChecks> {
    const { turnStore, index, outboxes, cosmos } = this.stores;
    const [sessions, redis, tables] = await Promise.all([
      turnStore.check(),
      this.redis.configured ? this.redis.check() : null,
      index instanceof TablesSessionIndex ? index.check() : null,
    ]);
    const shared = redis?.healthy === true ? outboxes.shared : null;
    const durable = sessions.healthy || (shared !== null && (await ifAvailable(() => shared.durable(), false)));
    return { durable, sessions, redis, cosmos: cosmos ? sessions : null, tables };
  }
}
