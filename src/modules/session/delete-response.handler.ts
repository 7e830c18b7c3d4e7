import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { SessionKey } from '../../common/session-id.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { responseNotFound } from './find-response.handler.js';
import { isResponse } from './response-chain.js';
import { SessionErasure } from './session-erasure.js';
import { SessionReader, storeAway } from './session-reader.js';
import { SessionStores } from './session-stores.js';
import { DeleteResponseCommand } from './session.messages.js';

@CommandHandler(DeleteResponseCommand)
export class DeleteResponseHandler implements ICommandHandler<DeleteResponseCommand> {
  constructor(
    private readonly reader: SessionReader,
    private readonly erasure: SessionErasure,
    private readonly stores: SessionStores,
  ) {}

  async execute({ caller, sessionId, responseId }: DeleteResponseCommand): Promise<void> {
    const key: SessionKey = { tenant: caller.tenant, sessionId };
    const isIt = isResponse(responseId);
    const turn = (await this.reader.backTo(key, isIt)).find(isIt);
    if (!turn) throw responseNotFound();
    const all = await this.reader.read(key);
    if (all.turns.every(isIt)) return this.erasure.erase(key);
    this.stores.outboxes.memory.drop(turn.id);
    // the store first: whoever reads the session again while it is forgotten finds the turn gone
    const remove = async () => (await this.stores.turnStore.remove(key, turn.id), true);
    const forget = async () => (await this.stores.hotTail.forget(key), true);
    if (!(await ifAvailable(remove, false)) || !(await ifAvailable(forget, false))) throw storeAway();
  }
}
