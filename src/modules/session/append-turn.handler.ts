import { Logger } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { LineLimit } from '../../common/logging/line-limit.js';
import { erasedSince } from './erasure.js';
import { AppendTurnCommand } from './session.messages.js';
import { SessionStores } from './session-stores.js';
import { ifAvailable, StoreUnavailable } from '../../common/store-unavailable.js';
import { sessionName, type SessionKey } from '../../common/session-id.js';
import { MAX_TURN_BYTES, toStoredTurn, type StoredTurn } from './stored-turn.js';
import { ulids } from '../../common/ulids.js';
import { ownWords } from '../../common/logging/outside-text.js';

/** Where a turn is; `none`: its session was erased. */
type Place = 'store' | 'outbox' | 'memory' | 'none';

/**
 * Durable first, then the hot tail. While the turn store is away a turn waits in the shared outbox, or else in this
 * process. One over 1.5 MB fits no store; it is in the hot tail only, until `sessions.ttlSeconds` pass.
 */
@CommandHandler(AppendTurnCommand)
export class AppendTurnHandler implements ICommandHandler<AppendTurnCommand> {
  private readonly logger = new Logger('session');
  private readonly lines = new LineLimit('session');
  private readonly nextId = ulids();

  constructor(
    private readonly config: LiveConfig,
    private readonly stores: SessionStores,
  ) {}

  async execute({ append }: AppendTurnCommand): Promise<{ persisted: boolean }> {
    const { caller, sessionId, turn, began } = append;
    const key = { tenant: caller.tenant, sessionId };
    const now = Date.now();
    const stored = toStoredTurn(
      { ...turn, id: this.nextId(now), at: new Date(now).toISOString() },
      this.config.current.sessions.retentionDays,
      began,
    );
    const place = await this.persist(key, stored);
    if (place === 'none' || (await this.erasedMeanwhile(key, stored, place))) {
      this.logger.log(`turn of request ${turn.requestId} is dropped: the session was erased while the turn was made`);
      return { persisted: false };
    }
    if (place === 'store') this.stores.indexWriter.record(key, stored);
    this.stores.latestTurns.set(sessionName(key), now);
    return { persisted: place !== 'memory' };
  }

  private async persist(key: SessionKey, stored: StoredTurn): Promise<Place> {
    const { turnStore, outboxes } = this.stores;
    const { requestId } = stored.turn;
    if (stored.bytes > MAX_TURN_BYTES) {
      this.logger[this.lines.allows('turns that are too large') ? 'warn' : 'debug'](
        `turn of request ${requestId} has ${stored.bytes} bytes, more than ${MAX_TURN_BYTES}: kept in memory only`,
      );
      return 'memory';
    }
    try {
      // one that is there already was stored by a try whose answer was lost
      if (!(await turnStore.append(key, stored))) return 'none';
      outboxes.storedAt = performance.now();
      return 'store';
    } catch (error) {
      const line = `turn of request ${requestId} goes to the outbox: ${ownWords(error)}`;
      // A store that is away has been reported once by its adapter; one line per turn would drown the log.
      const isDefect = !(error instanceof StoreUnavailable);
      const isTold = isDefect && this.lines.allows('turns that go to the outbox by a defect');
      this.logger[isTold ? 'error' : 'debug'](line);
      return (await outboxes.put({ key, turn: stored })) ? 'outbox' : 'memory';
    }
  }

  /**
   * Puts the turn into the hot tail. That is told of an erasure first, so one that it does not know finds the turn where it
   * is now; for one that it knows the turn is taken back.
   */
  private async erasedMeanwhile(key: SessionKey, stored: StoredTurn, place: Place): Promise<boolean> {
    const kept = await this.stores.hotTail.append(key, stored, place !== 'memory');
    const asks = kept === 'unsure' && place === 'store' && !this.stores.turnStore.refusesErased;
    if (kept !== 'erased' && !(asks && (await this.wasErased(key, stored)))) return false;
    await this.takeBack(key, stored, place === 'store');
    return true;
  }

  /** A turn whose store cannot say is looked at again by the drain of the outbox. */
  private async wasErased(key: SessionKey, stored: StoredTurn): Promise<boolean> {
    try {
      return erasedSince(stored.began, await this.stores.turnStore.erasedAt(key));
    } catch {
      await this.stores.outboxes.put({ key, turn: stored });
      return false;
    }
  }

  /** What waits in the shared outbox is dropped by its drain. */
  private async takeBack(key: SessionKey, stored: StoredTurn, inStore: boolean): Promise<void> {
    this.stores.outboxes.memory.drop(stored.turn.id);
    if (!inStore) return;
    const remove = async () => (await this.stores.turnStore.remove(key, stored.turn.id), true);
    // the drain of the outbox finds the erasure and removes the turn
    if (!(await ifAvailable(remove, false))) await this.stores.outboxes.put({ key, turn: stored });
  }
}
