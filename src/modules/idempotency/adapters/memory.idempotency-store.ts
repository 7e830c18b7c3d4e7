import { BoundedMap } from '../../../common/bounded-map.js';
import { sessionName, type SessionKey } from '../../../common/session-id.js';
import { IdempotencyStore, KEPT_OF_A_USER, type Claim, type KeyName, type StoredAnswer } from '../idempotency-store.js';

const MAX_BYTES = 67_108_864;
const MAX_ENTRIES = 50_000;
const MAX_ERASED = 10_000;
/** What an entry costs besides its answer. */
const ENTRY_BYTES = 300;

interface Entry {
  readonly user: string;
  readonly fingerprint: string;
  readonly owner: string;
  answer: StoredAnswer | null;
  bytes: number;
  until: number;
  readonly claimedAt: number;
}

/** What one user has kept; oldest first. */
interface Kept {
  readonly names: Set<string>;
  bytes: number;
}

/** Keys of this process. Bounded, for each user and in all; the oldest finished ones leave first. */
export class MemoryIdempotencyStore extends IdempotencyStore {
  private readonly entries = new Map<string, Entry>();
  private readonly kept = new Map<string, Kept>();
  /** When sessions were erased, the longest ago first: what began before is not kept when it is complete. */
  private readonly erased = new BoundedMap<string, number>(MAX_ERASED);
  private bytes = 0;

  /** @param now epoch milliseconds */
  constructor(
    private readonly now: () => number = Date.now,
    private readonly bounds = KEPT_OF_A_USER,
  ) {
    super();
  }

  async claim({ user, name }: KeyName, fingerprint: string, owner: string, leaseMs: number): Promise<Claim> {
    const entry = this.current(name);
    if (!entry) {
      const claimedAt = this.now();
      const until = claimedAt + leaseMs;
      this.entries.set(name, { user, fingerprint, owner, answer: null, bytes: ENTRY_BYTES, until, claimedAt });
      this.bytes += ENTRY_BYTES;
      this.shrink();
      return { state: 'claimed' };
    }
    if (entry.fingerprint !== fingerprint) return { state: 'other' };
    return entry.answer ? { state: 'done', answer: entry.answer } : { state: 'running' };
  }

  async renew({ name }: KeyName, owner: string, leaseMs: number): Promise<boolean> {
    const entry = this.owned(name, owner);
    if (entry) entry.until = this.now() + leaseMs;
    return entry !== null;
  }

  async complete({ user, name }: KeyName, owner: string, answer: StoredAnswer, keepMs: number): Promise<void> {
    const entry = this.owned(name, owner);
    if (!entry) return;
    if (answer.session && (this.erased.get(sessionName(answer.session)) ?? -1) >= entry.claimedAt)
      return this.forget(name);
    const bytes = Buffer.byteLength(answer.body);
    entry.answer = answer;
    entry.bytes += bytes;
    entry.until = this.now() + keepMs;
    this.bytes += bytes;
    const kept = this.kept.get(user) ?? { names: new Set(), bytes: 0 };
    this.kept.set(user, kept);
    kept.names.add(name);
    kept.bytes += entry.bytes;
    for (const oldest of kept.names) {
      if (kept.names.size <= this.bounds.answers && kept.bytes <= this.bounds.bytes) break;
      this.forget(oldest);
    }
    this.shrink();
    this.tell(name);
  }

  async release({ name }: KeyName, owner: string): Promise<void> {
    if (!this.owned(name, owner)) return;
    this.forget(name);
    this.tell(name);
  }

  async forgetSession(session: SessionKey): Promise<void> {
    const erased = sessionName(session);
    this.erased.set(erased, this.now());
    for (const [name, { answer }] of this.entries) {
      if (answer?.session && sessionName(answer.session) === erased) this.forget(name);
    }
  }

  private owned(name: string, owner: string): Entry | null {
    const entry = this.current(name);
    return entry && entry.owner === owner && !entry.answer ? entry : null;
  }

  private current(name: string): Entry | null {
    const entry = this.entries.get(name);
    if (!entry) return null;
    if (entry.until > this.now()) return entry;
    this.forget(name);
    return null;
  }

  private shrink(): void {
    for (const [name, { answer, until }] of this.entries) {
      if (this.bytes <= MAX_BYTES && this.entries.size <= MAX_ENTRIES) return;
      if (answer || until <= this.now()) this.forget(name);
    }
  }

  private forget(name: string): void {
    const entry = this.entries.get(name);
    if (!entry) return;
    this.entries.delete(name);
    this.bytes -= entry.bytes;
    const kept = this.kept.get(entry.user);
    if (!kept?.names.delete(name)) return;
    kept.bytes -= entry.bytes;
    if (kept.names.size === 0) this.kept.delete(entry.user);
  }
}
