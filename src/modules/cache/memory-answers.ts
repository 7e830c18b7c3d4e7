import { LRUCache } from 'lru-cache';
import { ForgottenMarks, isForgotten, type Forgotten } from './forgotten.js';
import { stateOf, type KeptAnswer } from './kept-answer.js';

/** What an entry takes beside its text: key, usage, names, the list it is in. */
const ENTRY_BYTES = 1000;

class Entry {
  /** @param name in Redis; `null` = it is not there */
  constructor(
    readonly kept: KeptAnswer,
    readonly name: string | null,
  ) {}
}

/** As V8 keeps it: one byte a character, or two where one of them is beyond Latin-1. */
const sizeOf = ({ kept: { text } }: Entry): number =>
  ENTRY_BYTES + (Buffer.byteLength(text) === text.length ? text.length : 2 * text.length);

/** Answers in the memory of this process; when it is full the one that was longest not asked for goes. */
export class MemoryAnswers {
  /** Answers that left for newer ones. */
  evictions = 0;
  private entries: LRUCache<string, Entry> | null = null;
  private maxBytes = 0;
  private readonly marks = new ForgottenMarks();
  /** By their names in Redis. */
  private readonly keys = new Map<string, string>();

  /**
   * @param bound most bytes, as configured now; 0 = none are kept
   * @param now epoch milliseconds
   * @param clock `performance.now()` milliseconds, for what is forgotten
   */
  constructor(
    private readonly bound: () => number,
    private readonly now: () => number = Date.now,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  get size(): number {
    return this.entries?.size ?? 0;
  }

  get bytes(): number {
    return this.entries?.calculatedSize ?? 0;
  }

  /** An answer that may be given, fresh or stale. */
  get(key: string): KeptAnswer | null {
    const kept = this.bounded()?.get(key)?.kept;
    if (!kept) return null;
    if (stateOf(kept, this.now()) !== null) return kept;
    this.entries?.delete(key);
    return null;
  }

  /**
   * Keeps an answer that was made here in the place of an older one. One that is larger than the whole memory is left out.
   *
   * @param beganAt `performance.now()` milliseconds: what was forgotten since then is not kept
   * @param name in Redis, by which it can be dropped; `null` = it is not there
   * @returns whether it may be kept at all, here or elsewhere
   */
  set(key: string, kept: KeptAnswer, beganAt: number, name: string | null = null): boolean {
    if (this.isForgotten(kept, beganAt)) return false;
    this.put(key, kept, name);
    return true;
  }

  /** As `set`, of an answer that comes from another replica. @param beganAt when it was looked for */
  take(key: string, kept: KeptAnswer, beganAt: number, name: string): boolean {
    if (this.isForgotten(kept, beganAt) || this.marks.covers(kept)) return false;
    this.put(key, kept, name);
    return true;
  }

  /** Whether it was forgotten since then. */
  isForgotten(kept: KeptAnswer, beganAt: number): boolean {
    return this.marks.since(beganAt, kept);
  }

  /** @param at epoch milliseconds @returns how many were here */
  forget(what: Forgotten, at: number = this.now()): number {
    this.marks.set(what, this.clock(), at);
    let count = 0;
    for (const [key, { kept }] of this.entries?.entries() ?? []) {
      if (isForgotten(what, kept) && this.entries?.delete(key)) count += 1;
    }
    return count;
  }

  /** Another replica has a newer one. @param name in Redis */
  drop(name: string): void {
    const key = this.keys.get(name);
    if (key !== undefined) this.entries?.delete(key);
  }

  private put(key: string, kept: KeptAnswer, name: string | null): void {
    const entries = this.bounded();
    entries?.set(key, new Entry(kept, name));
    if (name !== null && entries?.has(key)) this.keys.set(name, key);
  }

  /** The entries, within the bound that is configured now: a reload may have changed it. */
  private bounded(): LRUCache<string, Entry> | null {
    const maxBytes = this.bound();
    if (maxBytes === this.maxBytes) return this.entries;
    const before = this.entries?.dump() ?? [];
    this.maxBytes = maxBytes;
    this.keys.clear();
    this.entries = maxBytes > 0 ? this.room(maxBytes) : null;
    for (const [key, { value }] of before) this.put(key, value.kept, value.name); // longest unused first
    return this.entries;
  }

  private room(maxSize: number): LRUCache<string, Entry> {
    const leave = ({ name }: Entry, key: string, reason: string): void => {
      if (reason === 'evict') this.evictions += 1;
      if (name !== null && this.keys.get(name) === key) this.keys.delete(name);
    };
    return new LRUCache({ maxSize, sizeCalculation: sizeOf, dispose: leave });
  }
}
