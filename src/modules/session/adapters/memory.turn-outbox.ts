import { appendFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../../common/make-folder.js';
import { sessionName, type SessionKey } from '../../../common/session-id.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { wasErased, type StoredTurn } from '../stored-turn.js';
import { toDocument } from '../turn-document.js';
import type { TurnOutbox, OutboxEntry, OutboxSize, PendingTurn } from '../turn-outbox.js';

/** No more than this is set aside, bytes. */
const MOST_ASIDE_BYTES = 16_777_216;

/** Of all turns together; bytes as documents. */
const LIMITS = { maxTurns: 10_000, maxBytes: 67_108_864 };

/**
 * The last resort: turns wait in this process. Bounded; what does not fit is refused. What no store takes goes to a file,
 * one JSON object a line.
 */
export class MemoryTurnOutbox implements TurnOutbox {
  private readonly asidePath = join(process.env['ROUTER_DATA_DIR'] || 'data', 'turns-set-aside.jsonl');
  /** By turn id, oldest first. */
  private readonly waiting = new Map<string, { readonly pending: PendingTurn; refusals: number }>();
  private setAside = 0;
  private bytes = 0;

  constructor(private readonly limits = LIMITS) {}

  async put(pending: PendingTurn): Promise<boolean> {
    const { maxTurns, maxBytes } = this.limits;
    const { turn } = pending;
    if (this.waiting.size >= maxTurns || this.bytes + turn.bytes > maxBytes) {
      throw new StoreUnavailable(`memory outbox: full (${this.waiting.size} turns, ${this.bytes} bytes)`);
    }
    this.drop(turn.turn.id);
    this.bytes += turn.bytes;
    this.waiting.set(turn.turn.id, { pending, refusals: 0 });
    return false;
  }

  async *entries(): AsyncGenerator<OutboxEntry> {
    for (const [id, entry] of [...this.waiting]) {
      yield {
        id,
        pending: () => (this.waiting.has(id) ? entry.pending : null),
        remove: async () => this.drop(id),
        refused: async () => (entry.refusals += 1),
        setAside: (why) => this.putAside(entry.pending, why),
      };
    }
  }

  async erase(key: SessionKey): Promise<void> {
    for (const { turn } of this.of(key)) this.drop(turn.id);
  }

  async size(): Promise<OutboxSize> {
    return { waiting: this.waiting.size, setAside: this.setAside };
  }

  /** Drops the turns of requests that began before the session was erased elsewhere. */
  forget(key: SessionKey, erasedAt: number): void {
    for (const stored of this.of(key)) if (wasErased(stored, erasedAt)) this.drop(stored.turn.id);
  }

  /** Drops one turn. */
  drop(id: string): void {
    this.bytes -= this.waiting.get(id)?.pending.turn.bytes ?? 0;
    this.waiting.delete(id);
  }

  /** The waiting turns of a session, in the order of their coming; no store has them. */
  of(key: SessionKey): StoredTurn[] {
    if (this.waiting.size === 0) return [];
    const name = sessionName(key);
    const own = [...this.waiting.values()].filter(({ pending }) => sessionName(pending.key) === name);
    return own.map(({ pending }) => pending.turn);
  }

  private async putAside(pending: PendingTurn, why: string): Promise<string> {
    const kept = await this.writeAside(pending, why).catch(() => false);
    this.drop(pending.turn.turn.id);
    this.setAside += 1;
    return kept ? `kept in ${this.asidePath}` : 'lost, as there is no room for it';
  }

  /** @returns whether there was room */
  private async writeAside({ key, turn }: PendingTurn, why: string): Promise<boolean> {
    const { size } = await stat(this.asidePath).catch(() => {
      makeFolder(dirname(this.asidePath));
      return { size: 0 };
    });
    if (size + turn.bytes > MOST_ASIDE_BYTES) return false;
    const line = { tenant: key.tenant, session: key.sessionId, why, turn: toDocument(turn.turn) };
    await appendFile(this.asidePath, `${JSON.stringify(line)}\n`, { mode: 0o600 });
    return true;
  }
}
