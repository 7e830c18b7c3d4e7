import { ownWords } from '../../../common/logging/outside-text.js';
import { Logger } from '@nestjs/common';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { erasedSince } from '../erasure.js';
import type { SessionKey } from '../../../common/session-id.js';
import { beginningOf, type StoredTurn } from '../stored-turn.js';
import { EntryGaps } from '../entry-gaps.js';
import { EntryDeferred, MOST_TRIES, TurnOutbox, type Deliver, type PendingTurn } from '../turn-outbox.js';
import { SetAsideFile } from './set-aside-file.js';

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
  private readonly gaps = new EntryGaps();
  private readonly refusals = new Map<string, number>();
  private readonly aside = new SetAsideFile();
  private asideCount = 0;
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
      if (!this.gaps.isDue(id)) continue;
      try {
        await deliver(pending);
      } catch (error) {
        if (error instanceof StoreUnavailable) return delivered;
        await this.failed(pending, error as Error);
        continue;
      }
      this.remove(id);
      delivered += 1;
    }
    return delivered;
  }

  async setAside(): Promise<number> {
    return this.asideCount;
  }

  async erase(key: SessionKey): Promise<void> {
    for (const { turn } of this.of(key)) this.remove(turn.id);
  }

  /** Drops the turns of requests that began before the session was erased elsewhere. */
  forget(key: SessionKey, erasedAt: number): void {
    for (const stored of this.of(key)) if (erasedSince(beginningOf(stored), erasedAt)) this.remove(stored.turn.id);
  }

  /** Drops one turn. */
  drop(id: string): void {
    this.remove(id);
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

  private async failed(pending: PendingTurn, error: Error): Promise<void> {
    const { id } = pending.turn.turn;
    this.gaps.failed(id);
    if (error instanceof EntryDeferred) return;
    const tries = (this.refusals.get(id) ?? 0) + 1;
    this.refusals.set(id, tries);
    if (tries < MOST_TRIES) return;
    const kept = await this.aside.add(pending, error.message).catch(() => false);
    const where = kept ? `kept in ${this.aside.path}` : 'lost, as there is no room for it';
    this.logger.error(`turn ${id} cannot be stored (${ownWords(error)}): ${where}`);
    this.remove(id);
    this.asideCount += 1;
  }

  private remove(id: string): void {
    this.gaps.forget(id);
    this.refusals.delete(id);
    this.bytes -= this.waiting.get(id)?.turn.bytes ?? 0;
    this.waiting.delete(id);
  }
}
