import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { NotFound } from '../../common/app-error.js';
import type { SessionKey } from '../../common/session-id.js';
import { isResponse } from './response-chain.js';
import { SessionReader } from './session-reader.js';
import { FindResponseQuery, type Turn } from './session.messages.js';

export const responseNotFound = (): NotFound =>
  new NotFound('There is no such response, or it was not stored, was deleted, or its time is over.', 'id');

@QueryHandler(FindResponseQuery)
export class FindResponseHandler implements IQueryHandler<FindResponseQuery> {
  constructor(private readonly reader: SessionReader) {}

  async execute({ caller, sessionId, responseId }: FindResponseQuery): Promise<Turn> {
    const key: SessionKey = { tenant: caller.tenant, sessionId };
    const isIt = isResponse(responseId);
    const turn = (await this.reader.backTo(key, isIt)).find(isIt);
    if (!turn) throw responseNotFound();
    return turn;
  }
}
