import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { GetPhaseQuery, type Phase } from './health.messages.js';
import { ReplicaPhase } from './phase.js';

@QueryHandler(GetPhaseQuery)
export class GetPhaseHandler implements IQueryHandler<GetPhaseQuery> {
  constructor(private readonly phase: ReplicaPhase) {}

  async execute(): Promise<Phase> {
    return this.phase.current;
  }
}
