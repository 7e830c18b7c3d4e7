import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { LineLimit } from '../../common/logging/line-limit.js';
import { ownWords } from '../../common/logging/outside-text.js';
import { shortly } from '../../common/store-guard.js';
import { ifAvailable, StoreRefusal, StoreUnavailable } from '../../common/store-unavailable.js';
import { SessionStores } from './session-stores.js';
import { wasErased } from './stored-turn.js';
import { MOST_TRIES, type OutboxEntry, type PendingTurn, type TurnOutbox } from './turn-outbox.js';

const EVERY_MS = 500;
/** How long a shutdown tries to empty the outboxes, milliseconds. */
const FLUSH_MS = 5_000;
const FLUSH_RETRY_MS = 100;
/** An entry that failed is tried again after 0.5, 1, 2, 4 s and so on, 60 s at most. */
const FIRST_GAP_MS = 500;
const LONGEST_GAP_MS = 60_000;
/** A store that is there and says no, in the words of `shortly`. */
const REFUSED = /^answers 4(?!08|10|29|49)/;
const IN_A_ROW = 3;
const MOST_FAILED = 10_000;

/** The latest failure of an entry. */
interface Failure {
  /** `performance.now()` milliseconds. */
  readonly at: number;
  /** Until it is tried again. */
  readonly gapMs: number;
}

/** Brings waiting turns to the turn store as soon as it is back, and once more at the end of the process. */
@Injectable()
export class OutboxDrain implements OnModuleInit {
  private readonly logger = new Logger('session');
  private readonly lines = new LineLimit('session');
  private readonly background = new BackgroundWork('session');
  private running: Promise<void> | null = null;
  private readonly failures = new BoundedMap<string, Failure>(MOST_FAILED);
  private refusedInRow = 0;
  /** When the shared outbox is left to the other replicas, `performance.now()` milliseconds. */
  private sharedUntil = Infinity;

  constructor(private readonly stores: SessionStores) {}

  onModuleInit(): void {
    this.background.repeat('draining the outboxes', EVERY_MS, () => this.drain());
  }

  /** One pass over both outboxes; passes never overlap. */
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
    const { memory } = this.stores.outboxes;
    this.sharedUntil = end;
    await this.background.stop();
    await this.running; // what came after it began is not in it
    await this.drain();
    while ((await memory.size()).waiting > 0 && performance.now() < end) {
      await delay(FLUSH_RETRY_MS);
      await this.drain();
    }
    const { waiting } = await memory.size();
    if (waiting > 0) this.logger.error(`${waiting} turns were in memory only and are lost: no store could be reached`);
  }

  private async pass(): Promise<void> {
    const { memory, shared } = this.stores.outboxes;
    this.refusedInRow = 0;
    // A store that is away would let every turn wait for its deadline; the breaker's probe finds out by itself.
    if (!(await this.storeIsBack())) {
      if (shared) await this.empty(memory, (pending) => shared.put(pending));
      return;
    }
    const own = await this.empty(memory, (pending) => this.store(pending));
    const others = shared && !this.leavesShared ? await this.empty(shared, (pending) => this.storeShared(pending)) : 0;
    if (own + others > 0) this.logger.log(`${own + others} turns from the outbox are stored`);
  }

  /** Asked only while something waits. */
  private async storeIsBack(): Promise<boolean> {
    const { memory, shared } = this.stores.outboxes;
    const waiting = (await memory.size()).waiting + ((await shared?.size())?.waiting ?? 0);
    return waiting === 0 || (await this.stores.turnStore.check()).healthy;
  }

  /** Until nothing waits, or one of the two stores is away. @returns how many turns were delivered */
  private async empty(outbox: TurnOutbox, deliver: (pending: PendingTurn) => Promise<unknown>): Promise<number> {
    let delivered = 0;
    const all = async (): Promise<void> => {
      for await (const entry of outbox.entries()) {
        const failure = this.failures.get(entry.id);
        if (failure && failure.at + failure.gapMs > performance.now()) continue;
        if (await this.delivered(entry, deliver)) delivered += 1;
      }
    };
    await ifAvailable(all, undefined);
    return delivered;
  }

  /** An entry that is refused stays behind the others. @throws StoreUnavailable when a store is away */
  private async delivered(entry: OutboxEntry, deliver: (pending: PendingTurn) => Promise<unknown>): Promise<boolean> {
    try {
      const pending = entry.pending();
      if (pending) await deliver(pending);
    } catch (error) {
      const before = this.failures.get(entry.id);
      const reason = this.refusalIn(error as Error, before?.at ?? Infinity);
      const gapMs = Math.min(LONGEST_GAP_MS, 2 * (before?.gapMs ?? FIRST_GAP_MS / 2));
      this.failures.set(entry.id, { at: performance.now(), gapMs });
      if (reason === null || (await entry.refused()) < MOST_TRIES) return false;
      const where = await entry.setAside(reason);
      const isTold = this.lines.allows('turns that cannot be stored');
      this.logger[isTold ? 'error' : 'debug'](`turn ${entry.id} cannot be stored (${reason}): ${where}`);
      return false;
    }
    await entry.remove();
    this.failures.delete(entry.id);
    return true;
  }

  /**
   * Malformed or too large is the entry's fault. For another refusal (403, 404) it is only when the store has taken
   * others since the entry failed before; until then, and after three in a row, it may be the store.
   *
   * @param failedAt when the entry failed before, `performance.now()` milliseconds; `Infinity` = it did not
   * @returns why the entry is refused; `null` = nobody knows yet whether the store would take another one
   * @throws StoreUnavailable when it is the store
   */
  private refusalIn(error: Error, failedAt: number): string | null {
    const reason = error.cause instanceof Error ? shortly(error.cause) : ownWords(error);
    if (error instanceof StoreRefusal || !(error instanceof StoreUnavailable)) return reason;
    if (!REFUSED.test(reason)) throw error;
    this.refusedInRow += 1;
    if (this.stores.outboxes.storedAt > failedAt) return reason;
    if (this.refusedInRow >= IN_A_ROW) throw error;
    return null;
  }

  private get leavesShared(): boolean {
    return performance.now() > this.sharedUntil;
  }

  private async storeShared(pending: PendingTurn): Promise<void> {
    if (this.leavesShared) throw new StoreUnavailable('this replica stops');
    await this.store(pending);
  }

  /** A turn whose request began before its session was erased must not bring it back. */
  private async store({ key, turn }: PendingTurn): Promise<void> {
    const erased = async (): Promise<boolean> => wasErased(turn, await this.stores.turnStore.erasedAt(key));
    const stored = !(await erased()) && (await this.stores.turnStore.append(key, turn)) && !(await erased());
    if (stored) this.stores.indexWriter.record(key, turn);
    else await this.stores.turnStore.remove(key, turn.turn.id);
    this.stores.outboxes.storedAt = performance.now();
    this.refusedInRow = 0;
  }
}
