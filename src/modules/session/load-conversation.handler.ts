import { Logger } from '@nestjs/common';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { Overloaded } from '../../common/app-error.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import { HotTail } from './hot-tail.js';
import { Outboxes } from './outboxes.js';
import { LoadConversationQuery, type Conversation } from './session.messages.js';
import { mergeTurns, type SessionKey, type StoredTurn } from './stored-turn.js';
import { TurnStore } from './turn-store.js';

const RETRY_SECONDS = 1;
/** Two silent stores take 250 ms each; a third wait would keep the caller for too long. */
const READ_AGAIN_WITHIN_MS = 400;

/**
 * From the hot tail; on a miss from the turn store, which then refills the tail. While one of the two is away the other
 * has to do; without both nothing is known about the session, and answering as if it were new would be a lie.
 */
@QueryHandler(LoadConversationQuery)
export class LoadConversationHandler implements IQueryHandler<LoadConversationQuery> {
  private readonly logger = new Logger('session');

  constructor(
    private readonly config: LiveConfig,
    private readonly hotTail: HotTail,
    private readonly turnStore: TurnStore,
    private readonly outboxes: Outboxes,
  ) {}

  async execute({ caller, sessionId }: LoadConversationQuery): Promise<Conversation> {
    const key = { tenant: caller.tenant, sessionId };
    const startedAt = performance.now();
    const held = await this.hotTail.read(key);
    const pending = this.outboxes.pendingOf(key);
    if (held.complete) return this.conversation(mergeTurns(held.turns, pending));
    // Where the store is all there is, one slow answer must not refuse the request; a store that is away fails at once.
    const mayReadAgain = (): boolean => !held.usable && performance.now() - startedAt < READ_AGAIN_WITHIN_MS;
    const stored = (await this.fromStore(key)) ?? (mayReadAgain() ? await this.fromStore(key) : null);
    if (!stored && !held.usable) {
      throw new Overloaded('The conversation cannot be read at the moment. Try again.', RETRY_SECONDS);
    }
    if (stored && held.usable) await this.hotTail.fill(key, stored, held.mark);
    return this.conversation(mergeTurns(mergeTurns(stored ?? [], held.turns), pending));
  }

  private async fromStore(key: SessionKey): Promise<readonly StoredTurn[] | null> {
    try {
      const { turns } = await this.turnStore.newest(key, this.config.current.sessions.maxTurns, null);
      return turns.toReversed();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
      this.logger.debug(`conversation taken from memory alone: ${(error as Error).message}`);
      return null;
    }
  }

  private conversation(stored: readonly StoredTurn[]): Conversation {
    return { turns: stored.slice(-this.config.current.sessions.maxTurns).map(({ turn }) => turn) };
  }
}
