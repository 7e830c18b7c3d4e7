import { IdempotencyStore, type Claim, type SessionName, type StoredAnswer } from '../idempotency-store.js';

const MAX_BYTES = 67_108_864;
const MAX_ENTRIES = 50_000;
/** What an entry costs besides its answer. */
const ENTRY_BYTES = 300;

interface Entry {
  readonly fingerprint: string;
  readonly owner: string;
  answer: StoredAnswer | null;
  bytes: number;
  until: number;
}

/** Keys of this process. Bounded; the oldest finished ones leave first. @param now epoch milliseconds */
export class MemoryIdempotencyStore extends IdempotencyStore {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;

  constructor(private readonly now: () => number = Date.now) {
    super();
  }

  async claim(name: string, fingerprint: string, owner: string, leaseMs: number): Promise<Claim> {
    const entry = this.current(name);
    if (!entry) {
      this.entries.set(name, { fingerprint, owner, answer: null, bytes: ENTRY_BYTES, until: this.now() + leaseMs });
      this.bytes += ENTRY_BYTES;
      this.shrink();
      return { state: 'begun' };
    }
    if (entry.fingerprint !== fingerprint) return { state: 'other' };
    return entry.answer ? { state: 'done', answer: entry.answer } : { state: 'running' };
  }

  async renew(name: string, owner: string, leaseMs: number): Promise<boolean> {
    const entry = this.owned(name, owner);
    if (entry) entry.until = this.now() + leaseMs;
    return entry !== null;
  }

  async complete(name: string, owner: string, answer: StoredAnswer, keepMs: number): Promise<void> {
    const entry = this.owned(name, owner);
    if (!entry) return;
    const bytes = Buffer.byteLength(answer.body);
    entry.answer = answer;
    entry.bytes += bytes;
    entry.until = this.now() + keepMs;
    this.bytes += bytes;
    this.shrink();
  }

  async release(name: string, owner: string): Promise<void> {
    if (this.owned(name, owner)) this.forget(name);
  }

  async forgetSession({ tenant, sessionId }: SessionName): Promise<void> {
    for (const [name, { answer }] of this.entries) {
      if (answer?.session?.tenant === tenant && answer.session.sessionId === sessionId) this.forget(name);
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
    this.bytes -= this.entries.get(name)?.bytes ?? 0;
    this.entries.delete(name);
  }
}
