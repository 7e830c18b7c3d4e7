import { setImmediate } from 'node:timers/promises';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import { dayOf, type UsageRow } from '../usage/usage-row.js';
import type { UsageBatch, UsageRange, UsageStore } from '../usage/usage-store.js';

const DAY_MS = 86_400_000;
/** Rows that are read in one go, some 3 ms: SQLite blocks the event loop, and streams go through it. */
const PAGE = 250;
/** Numbers stay what JavaScript can hold exactly. */
const MOST = Number.MAX_SAFE_INTEGER;
const plus = (column: string): string => `${column} = min(${column} + excluded.${column}, ${MOST})`;

const COUNTS = [
  ...['requests', 'prompt_tokens', 'completion_tokens', 'cached_tokens'],
  ...['cost_nano_usd', 'saved_nano_usd', 'unpriced_requests'],
];
const ADD = `INSERT INTO usage (day, tenant, user, model, target, ${COUNTS.join(', ')})
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (day, tenant, user, model, target) DO UPDATE SET ${COUNTS.map(plus).join(', ')}`;
const LATEST = 'SELECT number FROM usage_batches WHERE replica = ? AND month = ? AND tenant = ?';
const NOTE = 'INSERT OR REPLACE INTO usage_batches (replica, month, tenant, number) VALUES (?, ?, ?, ?)';
const COLUMNS = `SELECT day, tenant, user, model, target, requests, prompt_tokens AS promptTokens,
    completion_tokens AS completionTokens, cached_tokens AS cachedTokens, cost_nano_usd AS costNanoUsd,
    saved_nano_usd AS savedNanoUsd, unpriced_requests AS unpricedRequests
  FROM usage`;
const READ = `${COLUMNS} WHERE (day, tenant, user, model, target) > (?, ?, ?, ?, ?) AND day <= ?
  ORDER BY day, tenant, user, model, target LIMIT ${PAGE}`;
/** Through the key: no row of another tenant is looked at. */
const READ_OWN = `${COLUMNS} WHERE day = ? AND tenant = ? AND (user, model, target) > (?, ?, ?)
  ORDER BY user, model, target LIMIT ${PAGE}`;
const CLOSE = 'DELETE FROM usage_batches WHERE replica = ?';
const SWEEP = 'DELETE FROM usage WHERE day < ?';
const SWEEP_BATCHES = 'DELETE FROM usage_batches WHERE month < ?';

/** Usage in the embedded database. */
export class SqliteUsageStore implements UsageStore {
  constructor(private readonly file: SqliteFile) {}

  async add({ replica, number, month, tenant, rows }: UsageBatch): Promise<void> {
    this.file.transaction((prepare) => {
      const latest = prepare(LATEST).get(replica, month, tenant);
      if (latest && Number(latest['number']) >= number) return;
      for (const row of rows) prepare(ADD).run(...valuesOf(row));
      prepare(NOTE).run(replica, month, tenant, number);
    });
  }

  async *pages({ from, to, tenant }: UsageRange): AsyncGenerator<readonly UsageRow[]> {
    if (tenant === null) {
      yield* this.read(READ, [], [to], allNames, [from, '', '', '', '']);
      return;
    }
    for (let day = from; day <= to; day = dayOf(Date.parse(day) + DAY_MS)) {
      yield* this.read(READ_OWN, [day, tenant], [], ownNames, ['', '', '']);
    }
  }

  /** @param namesOf what of a row the next page begins behind @param after the first one */
  private async *read(
    sql: string,
    before: readonly string[],
    behind: readonly string[],
    namesOf: (row: UsageRow) => readonly string[],
    after: readonly string[],
  ): AsyncGenerator<readonly UsageRow[]> {
    for (let names = after; ;) {
      const rows = this.file.use((prepare) => prepare(sql).all(...before, ...names, ...behind)) as never as UsageRow[];
      if (rows.length > 0) yield rows;
      await setImmediate();
      if (rows.length < PAGE) return;
      names = namesOf(rows.at(-1)!);
    }
  }

  async close(replica: string): Promise<void> {
    this.file.use((prepare) => prepare(CLOSE).run(replica));
  }

  async sweep(month: string): Promise<void> {
    this.file.transaction((prepare) => {
      prepare(SWEEP).run(month);
      prepare(SWEEP_BATCHES).run(month);
    });
  }
}

const ownNames = ({ user, model, target }: UsageRow): readonly string[] => [user, model, target];
const allNames = (row: UsageRow): readonly string[] => [row.day, row.tenant, ...ownNames(row)];

const valuesOf = (row: UsageRow) =>
  [
    ...[row.day, row.tenant, row.user, row.model, row.target],
    ...[row.requests, row.promptTokens, row.completionTokens, row.cachedTokens],
    ...[row.costNanoUsd, row.savedNanoUsd, row.unpricedRequests],
  ] as const;
