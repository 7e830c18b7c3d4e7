import { Injectable, Logger } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { shortly } from '../../common/store-guard.js';
import { StoreRefusal, StoreUnavailable } from '../../common/store-unavailable.js';
import { erasedSince } from './erasure.js';
import { IndexWriter } from './index-writer.js';
import { Outboxes } from './outboxes.js';
import { beginningOf } from './stored-turn.js';
import { EntryDeferred, EntryRefused, type PendingTurn } from './turn-outbox.js';
import { TurnStore } from './turn-store.js';
import { ownWords } from '../../common/logging/outside-text.js';

const EVERY_MS = 500;
/** How long a shutdown tries to empty the outboxes, milliseconds. */
const FLUSH_MS = 5_000;
const FLUSH_RETRY_MS = 100;
/** A store that is there and says no, in the words of `shortly`. */
const REFUSED = /^answers 4(?!08|10|29|49)/;
const IN_A_ROW = 3;
const MOST_REFUSED = 10_000;

/** Brings waiting turns to the turn store as soon as it is back, and once more at the end of the process. */
@Injectable()
export class OutboxDrain {
  private readonly logger = new Logger('session');
  private readonly background = new BackgroundWork('session');
  private running: Promise<void> | null = null;
  /** When entries were refused, `performance.now()` milliseconds, the longest ago first. */
  private readonly refusedAt = new Map<string, number>();
  private refusedInRow = 0;
  /** When the shared outbox is left to the other replicas, `performance.now()` milliseconds. */
  private sharedUntil = Infinity;

  constructor(
    private readonly outboxes: Outboxes,
    private readonly turnStore: TurnStore,
    private readonly indexWriter: IndexWriter,
  ) {}

  start(): void {
    this.background.repeat('draining the outboxes', EVERY_MS, () => this.drain());
  }

  /** One pass over both outboxes; passes never overlap. Never rejects. */
  drain(): Promise<void> {
    this.running ??= this.pass().finally(() => (this.running = null));
    return this.running;
  }

  /**
   * Stops, after trying to get this process's own turns out of it. The shared outbox is worked on no longer than that:
   * under load it never becomes empty, and it outlives this process.
   *
   * @param patiently for 5 s, else once
   */
  async flush(patiently: boolean): Promise<void> {
    const end = performance.now() + (patiently ? FLUSH_MS : 0);
    this.sharedUntil = end;
    await this.background.stop();
    await this.running; // what came after it began is not in it
    await this.drain();
    while ((await this.outboxes.memory.depth()) > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, FLUSH_RETRY_MS));
      await this.drain();
    }
    const left = await this.outboxes.memory.depth();
    if (left > 0) this.logger.error(`${left} turns were in memory only and are lost: no store could be reached`);
  }

  private async pass(): Promise<void> {
    try {
      const { memory, shared } = this.outboxes;
      // A store that is away would let every turn wait for its deadline; the breaker's probe finds out by itself.
      if (!(await this.storeIsBack())) {
        if (shared)
          await memory.drain(async (pending) => {
            await shared.put(pending);
          });
        return;
      }
      this.refusedInRow = 0;
      const own = await memory.drain((pending) => this.deliver(pending));
      const others = this.leavesShared ? 0 : ((await shared?.drain((pending) => this.deliverShared(pending))) ?? 0);
      const drained = own + others;
      if (drained > 0) this.logger.log(`${drained} turns from the outbox are stored`);
    } catch (error) {
      if (error instanceof StoreUnavailable) this.logger.debug(`outbox: ${ownWords(error)}`);
      else this.logger.error(error);
    }
  }

  /** Asked only while something waits. */
  private async storeIsBack(): Promise<boolean> {
    const waiting = (await this.outboxes.memory.depth()) + ((await this.outboxes.shared?.depth()) ?? 0);
    return waiting > 0 ? (await this.turnStore.check()).healthy : true;
  }

  /** A turn whose request began before its session was erased must not bring it back. */
  private async wasErased({ key, turn }: PendingTurn): Promise<boolean> {
    return erasedSince(beginningOf(turn), await this.turnStore.erasedAt(key));
  }

  private get leavesShared(): boolean {
    return performance.now() > this.sharedUntil;
  }

  private async deliverShared(pending: PendingTurn): Promise<void> {
    if (this.leavesShared) throw new StoreUnavailable('this replica stops');
    await this.deliver(pending);
  }

  private async deliver(pending: PendingTurn): Promise<void> {
    try {
      await this.store(pending);
      this.outboxes.storedAt = performance.now();
      this.refusedInRow = 0;
    } catch (error) {
      throw this.causeOf(pending.turn.turn.id, error as Error);
    }
  }

  /**
   * Malformed or too large is the entry's fault. For another refusal (403, 404) it is only when the store has taken
   * others since the entry was refused before; until then, and after three in a row, it may be the store.
   */
  private causeOf(id: string, error: Error): Error {
    if (error instanceof StoreRefusal) return new EntryRefused(shortly(error.cause as Error));
    const reason = error.cause instanceof Error ? shortly(error.cause) : '';
    if (!(error instanceof StoreUnavailable) || !REFUSED.test(reason)) return error;
    const before = this.refusedAt.get(id) ?? Infinity;
    this.refusedAt.set(id, performance.now());
    if (this.refusedAt.size > MOST_REFUSED) this.refusedAt.delete(this.refusedAt.keys().next().value!);
    this.refusedInRow += 1;
    if (this.outboxes.storedAt > before) return new EntryRefused(reason);
    return this.refusedInRow >= IN_A_ROW ? error : new EntryDeferred(reason);
  }

  private async store(pending: PendingTurn): Promise<void> {
    const { key, turn } = pending;
    if (await this.wasErased(pending)) return this.turnStore.remove(key, turn.turn.id);
    await this.turnStore.append(key, turn);
    if (await this.wasErased(pending)) return this.turnStore.remove(key, turn.turn.id);
    this.indexWriter.record(key, turn);
  }
}
