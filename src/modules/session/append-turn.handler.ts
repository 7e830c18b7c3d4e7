import { Logger } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { monotonicFactory } from 'ulid';
import { LiveConfig } from '../../common/config/live-config.js';
import { ActiveSessions } from './active-sessions.js';
import { HotTail } from './hot-tail.js';
import { SessionIndex } from './session-index.js';
import { AppendTurnCommand } from './session.messages.js';
import { StoreUnavailable } from './store-unavailable.js';
import { MAX_TURN_BYTES, toStoredTurn, type SessionKey, type StoredTurn } from './stored-turn.js';
import { TurnStore } from './turn-store.js';

/**
 * Durable first, then memory. A turn that no store takes (the store is away, or the turn is over 1.5 MB) is remembered
 * in memory only, until `sessions.ttlSeconds` pass or the process ends.
 */
@CommandHandler(AppendTurnCommand)
export class AppendTurnHandler implements ICommandHandler<AppendTurnCommand> {
  private readonly logger = new Logger('session');
  private readonly nextId = monotonicFactory();

  constructor(
    private readonly config: LiveConfig,
    private readonly hotTail: HotTail,
    private readonly turnStore: TurnStore,
    private readonly index: SessionIndex,
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
      if (added) await this.record(key, stored);
      return true;
    } catch (error) {
      this.report(error, stored, 'was not stored');
      return false;
    }
  }

  /** The turn is safe by now; a list that misses one count is no reason to say otherwise. */
  private async record(key: SessionKey, stored: StoredTurn): Promise<void> {
    try {
      await this.index.record(key, stored);
    } catch (error) {
      this.report(error, stored, 'is stored but not counted in the list of sessions');
    }
  }

  /** A store that is away has been reported once by its adapter; one line per turn would drown the log. */
  private report(error: unknown, { turn }: StoredTurn, what: string): void {
    const line = `turn of request ${turn.requestId} ${what}: ${(error as Error).message}`;
    if (error instanceof StoreUnavailable) this.logger.debug(line);
    else this.logger.error(line);
  }
}
