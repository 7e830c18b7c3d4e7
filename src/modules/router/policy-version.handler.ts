import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DecideRouteHandler } from './decide-route.handler.js';
import { PolicyVersionQuery } from './router.messages.js';

@QueryHandler(PolicyVersionQuery)
export class PolicyVersionHandler implements IQueryHandler<PolicyVersionQuery> {
  constructor(private readonly decisions: DecideRouteHandler) {}

  async execute(): Promise<string> {
    return this.decisions.policyVersion;
  }
}
