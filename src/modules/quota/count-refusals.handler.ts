import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { CountRefusalsQuery, type RefusalCount } from './quota.messages.js';
import { Refusals } from './refusals.js';

@QueryHandler(CountRefusalsQuery)
export class CountRefusalsHandler implements IQueryHandler<CountRefusalsQuery> {
  constructor(private readonly refusals: Refusals) {}

  async execute(): Promise<readonly RefusalCount[]> {
    return this.refusals.all;
  }
}
