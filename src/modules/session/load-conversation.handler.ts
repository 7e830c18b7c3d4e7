import { Logger } from '@nestjs/common';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { HotTail } from './hot-tail.js';
import { LoadConversationQuery, type Conversation } from './session.messages.js';
import { mergeTurns, type SessionKey, type StoredTurn } from './stored-turn.js';
import { TurnStore } from './turn-store.js';

/** From memory; on a miss from the turn store, which then refills the memory. A store that fails is an empty one. */
@QueryHandler(LoadConversationQuery)
export class LoadConversationHandler implements IQueryHandler<LoadConversationQuery> {
  private readonly logger = new Logger('session');

  constructor(
    private readonly config: LiveConfig,
    private readonly hotTail: HotTail,
    private readonly turnStore: TurnStore,
  ) {}

  async execute({ caller, sessionId }: LoadConversationQuery): Promise<Conversation> {
    const key = { tenant: caller.tenant, sessionId };
    const held = await this.hotTail.read(key);
    if (held.complete) return this.conversation(held.turns);
    const stored = await this.fromStore(key);
    if (!stored) return this.conversation(held.turns);
    await this.hotTail.fill(key, stored, held.mark);
    return this.conversation(mergeTurns(stored, held.turns));
  }

  private async fromStore(key: SessionKey): Promise<readonly StoredTurn[] | null> {
    try {
      const { turns } = await this.turnStore.newest(key, this.config.current.sessions.maxTurns, null);
      return turns.toReversed();
    } catch (error) {
      this.logger.debug(`conversation taken from memory alone: ${(error as Error).message}`);
      return null;
    }
  }

  private conversation(stored: readonly StoredTurn[]): Conversation {
    return { turns: stored.slice(-this.config.current.sessions.maxTurns).map(({ turn }) => turn) };
  }
}
