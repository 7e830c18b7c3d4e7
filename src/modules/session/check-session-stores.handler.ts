import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { SessionIndex } from './session-index.js';
import { CheckSessionStoresQuery, type SessionStoreChecks } from './session.messages.js';
import { durableStores } from './durable-stores.js';
import { Outboxes } from './outboxes.js';
import { TurnStore } from './turn-store.js';

@QueryHandler(CheckSessionStoresQuery)
export class CheckSessionStoresHandler implements IQueryHandler<CheckSessionStoresQuery> {
  constructor(
    private readonly config: LiveConfig,
    private readonly turnStore: TurnStore,
    private readonly index: SessionIndex,
    private readonly redis: RedisConnection,
    private readonly outboxes: Outboxes,
  ) {}

  async execute(): Promise<SessionStoreChecks> {
    const uses = durableStores(this.config.current);
    const [sessions, redis, tables] = await Promise.all([
      this.turnStore.check(),
      this.redis.configured ? this.redis.check() : null,
      uses.tables ? this.index.check() : null,
    ]);
    const durable = sessions.healthy || (redis?.healthy === true && (await this.outboxes.durable()));
    return { durable, sessions, redis, cosmos: uses.cosmos ? sessions : null, tables };
  }
}
