import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import type { UsageRow } from '../usage/usage-row.js';
import type { UsageBatch, UsageRange, UsageStore } from '../usage/usage-store.js';

const PAGE = 1_000;
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
const READ = `SELECT day, tenant, user, model, target, requests, prompt_tokens AS promptTokens,
    completion_tokens AS completionTokens, cached_tokens AS cachedTokens, cost_nano_usd AS costNanoUsd,
    saved_nano_usd AS savedNanoUsd, unpriced_requests AS unpricedRequests
  FROM usage WHERE (day, tenant, user, model, target) > (?, ?, ?, ?, ?) AND day <= ? AND (? IS NULL OR tenant = ?)
  ORDER BY day, tenant, user, model, target LIMIT ${PAGE}`;
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
    let after = [from, '', '', '', ''] as const;
    for (;;) {
      const [day, ...names] = after;
      const rows = this.file.use((prepare) =>
        prepare(READ).all(day, ...names, to, tenant, tenant),
      ) as never as UsageRow[];
      if (rows.length > 0) yield rows;
      if (rows.length < PAGE) return;
      const last = rows.at(-1)!;
      after = [last.day, last.tenant, last.user, last.model, last.target] as never;
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

const valuesOf = (row: UsageRow) =>
  [
    ...[row.day, row.tenant, row.user, row.model, row.target],
    ...[row.requests, row.promptTokens, row.completionTokens, row.cachedTokens],
    ...[row.costNanoUsd, row.savedNanoUsd, row.unpricedRequests],
  ] as const;
