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
    const { outboxes, latestTurns } = this.stores;
    const since = Date.now() - this.config.current.sessions.ttlSeconds * 1000;
    // oldest first, as every turn moves its session to the end
    for (const [name, at] of latestTurns) {
      if (at >= since) break;
      latestTurns.delete(name);
    }
    const memory = await outboxes.memory.size();
    const shared = await outboxes.shared?.size();
    return {
      active: latestTurns.size,
      waiting: { redis: shared?.waiting ?? null, memory: memory.waiting },
      setAside: { redis: shared?.setAside ?? null, memory: memory.setAside },
    };
  }
}
