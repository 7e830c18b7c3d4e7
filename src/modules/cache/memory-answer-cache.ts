import { BoundedMap } from '../../common/bounded-map.js';
import type { CachedAnswer } from './cache.messages.js';

const MEGABYTE = 1024 * 1024;
/** Text and the object parsed from it: 2.2 for long answers of one-byte text, to 2.9 for short ones, as measured. */
const BYTES_PER_CHARACTER = 3;
const BYTES_PER_ENTRY = 1000;
/** Share of the lifetime by which entries differ, so that those stored together do not expire together. */
const TTL_JITTER = 0.1;
const MS_PER_SECOND = 1000;
/** Erasures that are remembered; a request that is older than the last so many is none. */
const MAX_ERASED = 10_000;

/** Bytes as estimated; an answer may have about a megabyte of text, a larger one is not stored. */
const BOUNDS = { maxEntries: 10_000, maxBytes: 64 * MEGABYTE, maxEntryBytes: 3 * MEGABYTE };

interface Entry {
  readonly answer: CachedAnswer;
  readonly session: string | null;
  readonly bytes: number;
  readonly expiresAt: number;
}

const sizeOf = ({ completion }: CachedAnswer): number => BYTES_PER_ENTRY + completion.text.length * BYTES_PER_CHARACTER;

/** Answers of this replica; when it is full the one that was longest not asked for goes. Times are milliseconds. */
export class MemoryAnswerCache {
  /** Longest unused first. */
  readonly entries: BoundedMap<string, Entry>;
  /** When sessions were erased, the longest ago first. */
  private readonly erased = new BoundedMap<string, number>(MAX_ERASED);

  constructor(
    private readonly bounds = BOUNDS,
    private readonly now: () => number = () => performance.now(),
    /** 0 to 1. */
    private readonly random: () => number = Math.random,
  ) {
    this.entries = new BoundedMap(bounds.maxEntries, bounds.maxBytes, ({ bytes }) => bytes);
  }

  get(key: string): CachedAnswer | null {
    const entry = this.entries.get(key);
    if (!entry) return null;
    if (entry.expiresAt <= this.now()) {
      this.entries.delete(key);
      return null;
    }
    this.entries.set(key, entry);
    return entry.answer;
  }

  /**
   * Keeps an answer for `ttlSeconds` or up to 10 % less, never longer. One that is too large is left out.
   *
   * @param session name of the session it was given in; when it was erased since `beganAt` the answer is left out
   */
  set(key: string, answer: CachedAnswer, ttlSeconds: number, session: string | null = null, beganAt = Infinity): void {
    this.entries.delete(key);
    if (session !== null && (this.erased.get(session) ?? -1) >= beganAt) return;
    const bytes = sizeOf(answer);
    if (bytes > this.bounds.maxEntryBytes) return;
    const lifetimeMs = ttlSeconds * MS_PER_SECOND * (1 - TTL_JITTER * this.random());
    this.entries.set(key, { answer, session, bytes, expiresAt: this.now() + lifetimeMs });
  }

  /** Forgets every answer that was given in the session. */
  forgetSession(session: string): void {
    for (const [key, entry] of this.entries) if (entry.session === session) this.entries.delete(key);
    this.erased.set(session, this.now());
  }
}
