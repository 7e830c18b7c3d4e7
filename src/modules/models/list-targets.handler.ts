import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { TargetStatus } from '../../common/target.js';
import { ListTargetsQuery } from './models.messages.js';
import { TargetCatalogue } from './target-catalogue.js';

@QueryHandler(ListTargetsQuery)
export class ListTargetsHandler implements IQueryHandler<ListTargetsQuery> {
  constructor(private readonly catalogue: TargetCatalogue) {}

  async execute(): Promise<readonly TargetStatus[]> {
    return this.catalogue.list();
  }
}
