import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CountTargetLoadQuery, type TargetLoad } from './models.messages.js';
import { TargetCatalogue } from './target-catalogue.js';

@QueryHandler(CountTargetLoadQuery)
export class CountTargetLoadHandler implements IQueryHandler<CountTargetLoadQuery> {
  constructor(private readonly catalogue: TargetCatalogue) {}

  async execute(): Promise<readonly TargetLoad[]> {
    return this.catalogue.list().map(({ id, slots, server }) => ({
      id,
      slots: slots.most,
      connections: server?.connections ?? null,
    }));
  }
}
