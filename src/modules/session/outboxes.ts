import { Logger } from '@nestjs/common';
import { LineLimit } from '../../common/logging/line-limit.js';
import { ownWords } from '../../common/logging/outside-text.js';
import type { SessionKey } from '../../common/session-id.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import type { MemoryTurnOutbox } from './adapters/memory.turn-outbox.js';
import type { RedisTurnOutbox } from './adapters/redis.turn-outbox.js';
import type { PendingTurn } from './turn-outbox.js';

/** The shared outbox first, this process's memory last. */
export class Outboxes {
  private readonly logger = new Logger('session');
  private readonly lines = new LineLimit('session');
  /** When the turn store took the latest turn, `performance.now()` milliseconds: others can be stored, then. */
  storedAt = -Infinity;

  /** @param shared `null` without Redis */
  constructor(
    readonly memory: MemoryTurnOutbox,
    readonly shared: RedisTurnOutbox | null,
  ) {}

  /** Whether the end of this process cannot lose the turn. Never rejects: a turn nobody takes is reported. */
  async put(pending: PendingTurn): Promise<boolean> {
    const { shared } = this;
    const durable = shared && (await ifAvailable(() => shared.put(pending), null));
    if (durable !== null) return durable;
    try {
      return await this.memory.put(pending);
    } catch (error) {
      const isTold = this.lines.allows('turns that are lost');
      this.logger[isTold ? 'error' : 'debug'](
        `turn of request ${pending.turn.turn.requestId} is lost: ${ownWords(error)}`,
      );
      return false;
    }
  }

  /** @throws StoreUnavailable when turns may still be there */
  async erase(key: SessionKey): Promise<void> {
    await this.memory.erase(key);
    await this.shared?.erase(key);
  }
}
