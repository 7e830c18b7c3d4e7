import type { SessionKey } from '../../../common/session-id.js';
import type { StoredTurn } from '../stored-turn.js';
import { titleOf, type ListOrder, type SessionIndex, type SessionSummary, type SummaryPage } from '../session-index.js';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';

const COLUMNS = `id, title, created_at AS createdAt, updated_at AS updatedAt, turn_count AS turnCount, cost_usd AS costUsd`;
/** Ids of the latest 64 turns, 26 characters and a blank each: what a late word about a turn may be behind by. */
const REMEMBERED_CHARS = 64 * 27;
const FORGET_EXPIRED = 'DELETE FROM sessions WHERE tenant = ? AND id = ? AND expires_at <= ?';
const RECORD = `INSERT INTO sessions (tenant, id, title, created_at, updated_at, turn_count, cost_usd, expires_at, counted)
  VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)
  ON CONFLICT (tenant, id) DO UPDATE SET
    title = iif(title = '', excluded.title, title),
    created_at = min(created_at, excluded.created_at),
    updated_at = max(updated_at, excluded.updated_at),
    turn_count = turn_count + 1,
    cost_usd = cost_usd + excluded.cost_usd,
    expires_at = max(expires_at, excluded.expires_at),
    counted = substr(counted || excluded.counted, -${REMEMBERED_CHARS})
  WHERE instr(counted, excluded.counted) = 0`; // a NULL cost makes the sum NULL, which is what is wanted
const FIND = `SELECT ${COLUMNS} FROM sessions WHERE tenant = ? AND id = ? AND expires_at > ?`;
const LIST = {
  desc: `SELECT ${COLUMNS} FROM sessions WHERE tenant = ? AND expires_at > ? AND (updated_at, id) < (?, ?)
    ORDER BY updated_at DESC, id DESC LIMIT ?`,
  asc: `SELECT ${COLUMNS} FROM sessions WHERE tenant = ? AND expires_at > ? AND (updated_at, id) > (?, ?)
    ORDER BY updated_at ASC, id ASC LIMIT ?`,
};
/** Before the first ISO time and after the last one. */
const OPEN_END = { asc: '', desc: '~' };
const ERASE = 'DELETE FROM sessions WHERE tenant = ? AND id = ?';

/** The list of sessions in the embedded database. @param now epoch milliseconds */
export class SqliteSessionIndex implements SessionIndex {
  constructor(
    private readonly file: SqliteFile,
    private readonly now: () => number = Date.now,
  ) {}

  async record({ tenant, sessionId }: SessionKey, { turn, expiresAt }: StoredTurn): Promise<void> {
    this.file.use((prepare) => {
      prepare(FORGET_EXPIRED).run(tenant, sessionId, this.now());
      prepare(RECORD).run(tenant, sessionId, titleOf(turn), turn.at, turn.at, turn.costUsd, expiresAt, `${turn.id} `);
    });
  }

  async find({ tenant, sessionId }: SessionKey): Promise<SessionSummary | null> {
    const row = this.file.use((prepare) => prepare(FIND).get(tenant, sessionId, this.now()));
    return (row as unknown as SessionSummary | undefined) ?? null;
  }

  async list(
    tenant: string,
    limit: number,
    order: ListOrder,
    after: Pick<SessionSummary, 'id' | 'updatedAt'> | null,
  ): Promise<SummaryPage> {
    const from = after?.updatedAt ?? OPEN_END[order];
    const rows = this.file.use((prepare) =>
      prepare(LIST[order]).all(tenant, this.now(), from, after?.id ?? '', limit + 1),
    ) as unknown as SessionSummary[];
    return { sessions: rows.slice(0, limit), hasMore: rows.length > limit };
  }

  async erase({ tenant, sessionId }: SessionKey): Promise<boolean> {
    const { changes } = this.file.use((prepare) => prepare(ERASE).run(tenant, sessionId));
    return Number(changes) > 0;
  }
}
