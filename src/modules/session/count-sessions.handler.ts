import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { CountSessionsQuery, type SessionCounts } from './session.messages.js';
import { SessionStores } from './session-stores.js';

@QueryHandler(CountSessionsQuery)
export class CountSessionsHandler implements IQueryHandler<CountSessionsQuery> {
  constructor(
    private readonly config: LiveConfig,
    private readonly stores: SessionStores,
  ) {}

  async execute(): Promise<SessionCounts> {
    const { outboxes } = this.stores;
    const memory = await outboxes.memory.size();
    const shared = await outboxes.shared?.size();
    return {
      active: this.stores.active.count(Date.now(), this.config.current.sessions.ttlSeconds * 1000),
      waiting: { redis: shared?.waiting ?? null, memory: memory.waiting },
      setAside: { redis: shared?.setAside ?? null, memory: memory.setAside },
    };
  }
}
