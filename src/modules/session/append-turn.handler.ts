import { Logger } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { monotonicFactory } from 'ulid';
import { LiveConfig } from '../../common/config/live-config.js';
import { ActiveSessions } from './active-sessions.js';
import { HotTail } from './hot-tail.js';
import { IndexWriter } from './index-writer.js';
import { AppendTurnCommand } from './session.messages.js';
import { Outboxes } from './outboxes.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import { MAX_TURN_BYTES, toStoredTurn, type SessionKey, type StoredTurn } from './stored-turn.js';
import { TurnStore } from './turn-store.js';

/**
 * Durable first, then the hot tail. While the turn store is away a turn waits in the shared outbox, or else in this
 * process. One over 1.5 MB fits no store; it is in the hot tail only, until `sessions.ttlSeconds` pass.
 */
@CommandHandler(AppendTurnCommand)
export class AppendTurnHandler implements ICommandHandler<AppendTurnCommand> {
  private readonly logger = new Logger('session');
  private readonly nextId = monotonicFactory();

  constructor(
    private readonly config: LiveConfig,
    private readonly hotTail: HotTail,
    private readonly turnStore: TurnStore,
    private readonly outboxes: Outboxes,
    private readonly indexWriter: IndexWriter,
    private readonly active: ActiveSessions,
  ) {}

  async execute({ caller, sessionId, turn }: AppendTurnCommand): Promise<{ persisted: boolean }> {
    const key = { tenant: caller.tenant, sessionId };
    const now = Date.now();
    const stored = toStoredTurn(
      { ...turn, id: this.nextId(now), at: new Date(now).toISOString() },
      this.config.current.sessions.retentionDays,
    );
    const persisted = await this.persist(key, stored);
    await this.hotTail.append(key, stored, persisted);
    this.active.sawTurn(key, now);
    return { persisted };
  }

  private async persist(key: SessionKey, stored: StoredTurn): Promise<boolean> {
    if (stored.bytes > MAX_TURN_BYTES) {
      this.logger.warn(
        `turn of request ${stored.turn.requestId} has ${stored.bytes} bytes, more than ${MAX_TURN_BYTES}: kept in memory only`,
      );
      return false;
    }
    try {
      const added = await this.turnStore.append(key, stored);
      if (added) this.indexWriter.record(key, stored);
      return true;
    } catch (error) {
      this.report(error, stored, 'goes to the outbox');
      return this.outboxes.put({ key, turn: stored });
    }
  }

  /** A store that is away has been reported once by its adapter; one line per turn would drown the log. */
  private report(error: unknown, { turn }: StoredTurn, what: string): void {
    const line = `turn of request ${turn.requestId} ${what}: ${(error as Error).message}`;
    if (error instanceof StoreUnavailable) this.logger.debug(line);
    else this.logger.error(line);
  }
}
