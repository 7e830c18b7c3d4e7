import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Outboxes } from './outboxes.js';
import { CountOutboxQuery } from './session.messages.js';

@QueryHandler(CountOutboxQuery)
export class CountOutboxHandler implements IQueryHandler<CountOutboxQuery> {
  constructor(private readonly outboxes: Outboxes) {}

  async execute(): Promise<{ redis: number | null; memory: number }> {
    const redis = (await this.outboxes.shared?.depth()) ?? null;
    return { redis, memory: await this.outboxes.memory.depth() };
  }
}
