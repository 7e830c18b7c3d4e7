import { erasedSince } from '../erasure.js';
import { HotTail, type HotTailLimits, type Kept, type TailReading } from '../hot-tail.js';
import { BoundedMap } from '../../../common/bounded-map.js';
import { sessionName, type SessionKey } from '../../../common/session-id.js';
import { mergeTurns, type StoredTurn } from '../stored-turn.js';

const MAX_ERASED = 10_000;

export interface MemoryTailLimits extends HotTailLimits {
  readonly maxSessions: number;
  /** All turns together, bytes as documents. */
  readonly maxBytes: number;
}

interface Entry {
  turns: readonly StoredTurn[];
  /** Ids of the turns that only this entry has. */
  readonly unsaved: Set<string>;
  /** `maxTurns` at the latest fill; 0 = the turn store may hold more. */
  filledFor: number;
  bytes: number;
  forgetAt: number;
  epoch: number;
}

/**
 * The hot tail in this process. The least recently used sessions leave first, with their unsaved turns, when there are
 * too many sessions or bytes.
 *
 * @param limits asked at each use, so that a configuration reload takes effect
 * @param foreignWrites a number that changes when another process wrote to the turn store (SQLite's `data_version`);
 * saved turns are then read again, because one may have been added or erased there
 * @param now epoch milliseconds
 */
export class MemoryHotTail extends HotTail {
  /** Least recently used first. */
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  /** Counts the changes of `foreignWrites`. */
  private epoch = 0;
  private seenWrites: number;
  private erasures = 0;
  /** Latest erasures by session, oldest first; bounded, as a turn store knows them too. */
  private readonly erased = new BoundedMap<string, number>(MAX_ERASED);

  constructor(
    private readonly limits: () => MemoryTailLimits,
    private readonly foreignWrites: () => number = () => 0,
    private readonly now: () => number = Date.now,
  ) {
    super();
    this.seenWrites = foreignWrites();
  }

  async read(key: SessionKey): Promise<TailReading> {
    const entry = this.current(key);
    const mark = this.mark();
    if (!entry) return { turns: [], complete: false, mark, usable: true, erasedAt: null };
    const now = this.now();
    const { maxTurns } = this.limits();
    return {
      turns: entry.turns.filter(({ expiresAt }) => expiresAt > now).slice(-maxTurns),
      complete: entry.filledFor >= maxTurns,
      mark,
      usable: true,
      erasedAt: null,
    };
  }

  async append(key: SessionKey, turn: StoredTurn, durable: boolean): Promise<Kept> {
    if (erasedSince(turn.began, this.erased.get(sessionName(key)) ?? null)) return 'erased';
    const entry = this.current(key) ?? this.create(key);
    if (!durable) entry.unsaved.add(turn.turn.id);
    this.put(entry, mergeTurns(entry.turns, [turn]));
    return 'unsure';
  }

  async fill(key: SessionKey, turns: readonly StoredTurn[], mark: number): Promise<void> {
    const entry = this.current(key);
    if (mark !== this.mark()) return;
    const filled = entry ?? this.create(key);
    filled.filledFor = this.limits().maxTurns;
    this.put(filled, mergeTurns(filled.turns, turns));
  }

  async erase(key: SessionKey, at: number): Promise<number> {
    this.erasures += 1;
    const name = sessionName(key);
    const number = Math.max(at, (this.erased.get(name) ?? 0) + 1);
    this.forget(name);
    this.erased.set(name, number);
    return number;
  }

  /** Both counters only grow, so their sum is unchanged only when neither moved. */
  private mark(): number {
    return this.epoch + this.erasures;
  }

  /** The session's entry as it holds now, moved to the recently used end. */
  private current(key: SessionKey): Entry | null {
    this.observeForeignWrites();
    const name = sessionName(key);
    const entry = this.entries.get(name);
    if (!entry) return null;
    if (entry.forgetAt <= this.now()) {
      this.forget(name);
      return null;
    }
    if (entry.epoch !== this.epoch) this.dropSaved(entry);
    this.entries.delete(name);
    this.entries.set(name, entry);
    return entry;
  }

  private observeForeignWrites(): void {
    const writes = this.foreignWrites();
    if (writes === this.seenWrites) return;
    this.seenWrites = writes;
    this.epoch += 1;
  }

  private dropSaved(entry: Entry): void {
    entry.epoch = this.epoch;
    entry.filledFor = 0;
    this.replaceTurns(
      entry,
      entry.turns.filter(({ turn }) => entry.unsaved.has(turn.id)),
    );
  }

  private create(key: SessionKey): Entry {
    const entry = { turns: [], unsaved: new Set<string>(), filledFor: 0, bytes: 0, forgetAt: 0, epoch: this.epoch };
    this.entries.set(sessionName(key), entry);
    return entry;
  }

  private put(entry: Entry, turns: readonly StoredTurn[]): void {
    const { maxTurns, ttlMs } = this.limits();
    this.replaceTurns(entry, turns.slice(-maxTurns));
    entry.forgetAt = this.now() + ttlMs;
    this.shrink();
  }

  private replaceTurns(entry: Entry, turns: readonly StoredTurn[]): void {
    const bytes = turns.reduce((total, turn) => total + turn.bytes, 0);
    this.bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    entry.turns = turns;
    if (entry.unsaved.size === 0) return;
    const kept = new Set(turns.map(({ turn }) => turn.id));
    for (const id of entry.unsaved) if (!kept.has(id)) entry.unsaved.delete(id);
  }

  private shrink(): void {
    const { maxSessions, maxBytes } = this.limits();
    for (const name of this.entries.keys()) {
      if (this.entries.size <= maxSessions && this.bytes <= maxBytes) return;
      this.forget(name);
    }
  }

  private forget(name: string): void {
    this.bytes -= this.entries.get(name)?.bytes ?? 0;
    this.entries.delete(name);
  }
}
