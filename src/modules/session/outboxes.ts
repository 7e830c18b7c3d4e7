import { Logger } from '@nestjs/common';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import type { MemoryTurnOutbox } from './adapters/memory.turn-outbox.js';
import type { RedisTurnOutbox } from './adapters/redis.turn-outbox.js';
import type { SessionKey } from '../../common/session-id.js';
import type { StoredTurn } from './stored-turn.js';
import type { PendingTurn } from './turn-outbox.js';
import { ownWords } from '../../common/logging/outside-text.js';

/** The shared outbox first, this process's memory last. */
export class Outboxes {
  private readonly logger = new Logger('session');
  /** When the turn store took the latest turn, `performance.now()` milliseconds: others can be stored, then. */
  storedAt = -Infinity;

  /** @param shared `null` without Redis */
  constructor(
    readonly memory: MemoryTurnOutbox,
    readonly shared: RedisTurnOutbox | null,
  ) {}

  /** Whether the end of this process cannot lose the turn. Never rejects: a turn nobody takes is reported. */
  async put(pending: PendingTurn): Promise<boolean> {
    try {
      if (this.shared) return await this.shared.put(pending);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    try {
      return await this.memory.put(pending);
    } catch (error) {
      this.logger.error(`turn of request ${pending.turn.turn.requestId} is lost: ${ownWords(error)}`);
      return false;
    }
  }

  /** Whether what Redis takes is safe there; says nothing about whether it takes anything now. Never rejects. */
  async durable(): Promise<boolean> {
    try {
      return (await this.shared?.durable()) ?? false;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return false;
    }
  }

  /** What waits in this process; no other place has it. */
  pendingOf(key: SessionKey): StoredTurn[] {
    return this.memory.of(key);
  }

  /** @throws StoreUnavailable when turns may still be there */
  async erase(key: SessionKey): Promise<void> {
    await this.memory.erase(key);
    await this.shared?.erase(key);
  }
}
