import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { ActiveSessions } from './active-sessions.js';
import { CountActiveSessionsQuery } from './session.messages.js';

@QueryHandler(CountActiveSessionsQuery)
export class CountActiveSessionsHandler implements IQueryHandler<CountActiveSessionsQuery> {
  constructor(
    private readonly config: LiveConfig,
    private readonly active: ActiveSessions,
  ) {}

  async execute(): Promise<number> {
    return this.active.count(Date.now(), this.config.current.sessions.ttlSeconds * 1000);
  }
}
