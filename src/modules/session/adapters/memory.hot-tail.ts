import { BoundedMap } from '../../../common/bounded-map.js';
import { sessionName, type SessionKey } from '../../../common/session-id.js';
import { erasedSince } from '../erasure.js';
import type { HotTail, HotTailLimits, Kept, TailReading } from '../hot-tail.js';
import { mergeTurns, type StoredTurn } from '../stored-turn.js';

const MAX_ERASED = 10_000;

/** Of all sessions together; bytes as documents. */
const BOUNDS = { maxSessions: 10_000, maxBytes: 33_554_432 };

interface Entry {
  readonly turns: readonly StoredTurn[];
  /** Ids of the turns that only this entry has. */
  readonly unsaved: ReadonlySet<string>;
  /** `maxTurns` at the latest fill; 0 = the turn store may hold more. */
  readonly filledFor: number;
  readonly bytes: number;
  readonly forgetAt: number;
  readonly epoch: number;
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
export class MemoryHotTail implements HotTail {
  /** Least recently used first. */
  private readonly entries: BoundedMap<string, Entry>;
  /** Counts the changes of `foreignWrites`. */
  private epoch = 0;
  private seenWrites: number;
  private erasures = 0;
  /** Latest erasures by session, oldest first; bounded, as a turn store knows them too. */
  private readonly erased = new BoundedMap<string, number>(MAX_ERASED);

  constructor(
    private readonly limits: () => HotTailLimits,
    private readonly foreignWrites: () => number = () => 0,
    private readonly now: () => number = Date.now,
    { maxSessions, maxBytes } = BOUNDS,
  ) {
    this.seenWrites = foreignWrites();
    this.entries = new BoundedMap(maxSessions, maxBytes, ({ bytes }) => bytes);
  }

  async read(key: SessionKey): Promise<TailReading> {
    const { turns, filledFor } = this.current(key);
    const now = this.now();
    const { maxTurns } = this.limits();
    return {
      turns: turns.filter(({ expiresAt }) => expiresAt > now).slice(-maxTurns),
      complete: filledFor >= maxTurns,
      mark: this.mark(),
      usable: true,
      erasedAt: null,
    };
  }

  async append(key: SessionKey, turn: StoredTurn, durable: boolean): Promise<Kept> {
    if (erasedSince(turn.began, this.erased.get(sessionName(key)) ?? null)) return 'erased';
    const entry = this.current(key);
    const unsaved = durable ? entry.unsaved : new Set([...entry.unsaved, turn.turn.id]);
    this.put(key, { ...entry, unsaved }, mergeTurns(entry.turns, [turn]));
    return 'unsure';
  }

  async fill(key: SessionKey, turns: readonly StoredTurn[], mark: number): Promise<void> {
    const entry = this.current(key);
    if (mark !== this.mark()) return;
    this.put(key, { ...entry, filledFor: this.limits().maxTurns }, mergeTurns(entry.turns, turns));
  }

  async erase(key: SessionKey, at: number): Promise<number> {
    this.erasures += 1;
    const name = sessionName(key);
    const number = Math.max(at, (this.erased.get(name) ?? 0) + 1);
    this.entries.delete(name);
    this.erased.set(name, number);
    return number;
  }

  async forget(key: SessionKey): Promise<void> {
    this.erasures += 1;
    this.entries.delete(sessionName(key));
  }

  /** Both counters only grow, so their sum is unchanged only when neither moved. */
  private mark(): number {
    return this.epoch + this.erasures;
  }

  /** The session's entry as it holds now, moved to the recently used end; an empty one where there is none. */
  private current(key: SessionKey): Entry {
    this.observeForeignWrites();
    const name = sessionName(key);
    const entry = this.entries.get(name);
    if (!entry || entry.forgetAt <= this.now()) {
      this.entries.delete(name);
      return { turns: [], unsaved: new Set(), filledFor: 0, bytes: 0, forgetAt: 0, epoch: this.epoch };
    }
    const held = entry.epoch === this.epoch ? entry : this.withoutSaved(entry);
    this.entries.set(name, held);
    return held;
  }

  private observeForeignWrites(): void {
    const writes = this.foreignWrites();
    if (writes === this.seenWrites) return;
    this.seenWrites = writes;
    this.epoch += 1;
  }

  private withoutSaved(entry: Entry): Entry {
    const unsaved = entry.turns.filter(({ turn }) => entry.unsaved.has(turn.id));
    return holding({ ...entry, epoch: this.epoch, filledFor: 0 }, unsaved);
  }

  private put(key: SessionKey, entry: Entry, turns: readonly StoredTurn[]): void {
    const { maxTurns, ttlMs } = this.limits();
    const forgetAt = this.now() + ttlMs;
    this.entries.set(sessionName(key), holding({ ...entry, forgetAt }, turns.slice(-maxTurns)));
  }
}

function holding(entry: Entry, turns: readonly StoredTurn[]): Entry {
  const bytes = turns.reduce((total, turn) => total + turn.bytes, 0);
  const ids = turns.flatMap(({ turn }) => (entry.unsaved.has(turn.id) ? [turn.id] : []));
  return { ...entry, turns, bytes, unsaved: new Set(ids) };
}
