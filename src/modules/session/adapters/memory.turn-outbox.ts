import { Logger } from '@nestjs/common';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import type { SessionKey, StoredTurn } from '../stored-turn.js';
import { TurnOutbox, type Deliver, type PendingTurn } from '../turn-outbox.js';

export interface MemoryOutboxLimits {
  readonly maxTurns: number;
  /** All turns together, bytes as documents. */
  readonly maxBytes: number;
}

/** The last resort: turns wait in this process. Bounded; what does not fit is refused. */
export class MemoryTurnOutbox extends TurnOutbox {
  private readonly logger = new Logger('session');
  /** By turn id, oldest first. */
  private readonly waiting = new Map<string, PendingTurn>();
  private bytes = 0;

  constructor(private readonly limits: MemoryOutboxLimits) {
    super();
  }

  async put(pending: PendingTurn): Promise<boolean> {
    const { maxTurns, maxBytes } = this.limits;
    const { turn } = pending;
    if (this.waiting.size >= maxTurns || this.bytes + turn.bytes > maxBytes) {
      throw new StoreUnavailable(`memory outbox: full (${this.waiting.size} turns, ${this.bytes} bytes)`);
    }
    if (!this.waiting.has(turn.turn.id)) this.bytes += turn.bytes;
    this.waiting.set(turn.turn.id, pending);
    return false;
  }

  async drain(deliver: Deliver): Promise<number> {
    let delivered = 0;
    for (const [id, pending] of [...this.waiting]) {
      try {
        await deliver(pending);
      } catch (error) {
        if (error instanceof StoreUnavailable) return delivered;
        this.logger.error(`turn ${id} stays in the outbox: ${(error as Error).message}`);
        continue;
      }
      this.remove(id);
      delivered += 1;
    }
    return delivered;
  }

  async erase(key: SessionKey): Promise<void> {
    for (const { turn } of this.of(key)) this.remove(turn.id);
  }

  /** Drops the turns that a session had before it was erased elsewhere. @param erasedAt epoch milliseconds */
  forget(key: SessionKey, erasedAt: number): void {
    for (const { turn } of this.of(key)) if (Date.parse(turn.at) <= erasedAt) this.remove(turn.id);
  }

  async depth(): Promise<number> {
    return this.waiting.size;
  }

  /** The waiting turns of a session, in the order of their coming; no store has them. */
  of({ tenant, sessionId }: SessionKey): StoredTurn[] {
    if (this.waiting.size === 0) return [];
    const own = [...this.waiting.values()].filter(({ key }) => key.tenant === tenant && key.sessionId === sessionId);
    return own.map(({ turn }) => turn);
  }

  private remove(id: string): void {
    this.bytes -= this.waiting.get(id)?.turn.bytes ?? 0;
    this.waiting.delete(id);
  }
}
