import { parseKeepingNumbers } from '../../../common/json/numbers.js';
import { fromDocument, readTurn, toDocument } from '../turn-document.js';
import { erasedSince } from '../erasure.js';
import type { StoreCheck } from '../../../common/store-check.js';
import type { SessionKey } from '../../../common/session-id.js';
import type { StoredTurn } from '../stored-turn.js';
import { AFTER_ALL_IDS, ERASURE_MARK_MS, type TurnPage, type TurnStore } from '../turn-store.js';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';

const APPEND = `INSERT INTO turns (tenant, session, id, expires_at, document) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (tenant, session, id) DO NOTHING`;
const NEWEST = `SELECT id, expires_at, document FROM turns
  WHERE tenant = ? AND session = ? AND id < ? AND expires_at > ? ORDER BY id DESC LIMIT ?`;
const REMOVE = 'DELETE FROM turns WHERE tenant = ? AND session = ? AND id = ?';
const ERASE = 'DELETE FROM turns WHERE tenant = ? AND session = ?';
const MARK = `INSERT INTO erasures (tenant, session, at) VALUES (?, ?, ?)
  ON CONFLICT (tenant, session) DO UPDATE SET at = max(at, excluded.at)`;
const ERASED_AT = 'SELECT at FROM erasures WHERE tenant = ? AND session = ? AND at > ?';

interface Row {
  readonly id: string;
  readonly expires_at: number;
  readonly document: string;
}

/** Turns as JSON documents in the embedded database. @param now epoch milliseconds */
export class SqliteTurnStore implements TurnStore {
  readonly refusesErased = true;

  constructor(
    private readonly file: SqliteFile,
    private readonly now: () => number = Date.now,
  ) {}

  async append({ tenant, sessionId }: SessionKey, { turn, expiresAt, began }: StoredTurn): Promise<boolean> {
    const document = JSON.stringify(toDocument(turn));
    return this.file.use((prepare) => {
      prepare(APPEND).run(tenant, sessionId, turn.id, expiresAt, document);
      // Asked behind the write: an erasure of another process has either deleted the turn or is seen here.
      const mark = began && prepare(ERASED_AT).get(tenant, sessionId, this.now() - ERASURE_MARK_MS);
      if (!erasedSince(began, mark ? Number(mark['at']) : null)) return true;
      prepare(REMOVE).run(tenant, sessionId, turn.id);
      return false;
    });
  }

  async remove({ tenant, sessionId }: SessionKey, id: string): Promise<void> {
    this.file.use((prepare) => prepare(REMOVE).run(tenant, sessionId, id));
  }

  async newest(key: SessionKey, limit: number, before: string | null): Promise<TurnPage> {
    const { tenant, sessionId } = key;
    const rows = this.file.use((prepare) =>
      prepare(NEWEST).all(tenant, sessionId, before ?? AFTER_ALL_IDS, this.now(), limit),
    ) as unknown as Row[];
    return {
      turns: rows.flatMap((row) => readTurn(`turn ${row.id}`, key, () => storedTurn(row))),
      next: rows.length === limit ? rows.at(-1)!.id : null,
    };
  }

  async erase({ tenant, sessionId }: SessionKey, at: number): Promise<boolean> {
    const { changes } = this.file.use((prepare) => {
      prepare(MARK).run(tenant, sessionId, at); // first: what is delivered from now on is dropped
      const erased = prepare(ERASE).run(tenant, sessionId);
      prepare('PRAGMA wal_checkpoint(TRUNCATE)').get(); // or it would stay in the write-ahead log
      return erased;
    });
    return Number(changes) > 0;
  }

  async erasedAt({ tenant, sessionId }: SessionKey): Promise<number | null> {
    const oldest = this.now() - ERASURE_MARK_MS;
    const row = this.file.use((prepare) => prepare(ERASED_AT).get(tenant, sessionId, oldest));
    return row ? Number(row['at']) : null;
  }

  async check(): Promise<StoreCheck> {
    return this.file.check();
  }
}

const storedTurn = ({ document, expires_at: expiresAt }: Row): StoredTurn => ({
  turn: fromDocument(parseKeepingNumbers(document)),
  expiresAt,
  bytes: Buffer.byteLength(document),
});
