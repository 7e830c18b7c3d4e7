import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';
import { Callers, invalidApiKey } from './callers.js';
import { IdentifyCallerQuery } from './identity.messages.js';

@QueryHandler(IdentifyCallerQuery)
export class IdentifyCallerHandler implements IQueryHandler<IdentifyCallerQuery> {
  constructor(private readonly callers: Callers) {}

  async execute({ headers }: IdentifyCallerQuery): Promise<Caller> {
    const caller = this.callers.identify(headers);
    if (!caller) throw invalidApiKey();
    return caller;
  }
}
