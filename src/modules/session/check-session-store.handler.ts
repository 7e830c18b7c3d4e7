import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CheckSessionStoreQuery } from './session.messages.js';
import { TurnStore } from './turn-store.js';

@QueryHandler(CheckSessionStoreQuery)
export class CheckSessionStoreHandler implements IQueryHandler<CheckSessionStoreQuery> {
  constructor(private readonly turnStore: TurnStore) {}

  execute(): Promise<{ healthy: boolean; detail: string }> {
    return this.turnStore.check();
  }
}
