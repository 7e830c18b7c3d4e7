import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Outboxes } from './outboxes.js';
import { CountOutboxQuery, type OutboxCount } from './session.messages.js';

@QueryHandler(CountOutboxQuery)
export class CountOutboxHandler implements IQueryHandler<CountOutboxQuery> {
  constructor(private readonly outboxes: Outboxes) {}

  async execute(): Promise<{ waiting: OutboxCount; setAside: OutboxCount }> {
    const { shared, memory } = this.outboxes;
    return {
      waiting: { redis: (await shared?.depth()) ?? null, memory: await memory.depth() },
      setAside: { redis: (await shared?.setAside()) ?? null, memory: await memory.setAside() },
    };
  }
}
