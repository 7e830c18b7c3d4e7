import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import type { DrainMark, DrainStore } from '../drained-targets.js';

const POST = `INSERT INTO drains (target, drained, at) VALUES (?, ?, ?)
  ON CONFLICT (target) DO UPDATE SET drained = excluded.drained, at = excluded.at WHERE at < excluded.at`;
const READ = 'SELECT target, drained, at FROM drains LIMIT 1000';

/** Marks in the embedded database of this machine. */
export class SqliteDrainStore implements DrainStore {
  constructor(private readonly file: SqliteFile) {}

  async post(target: string, { drained, at }: DrainMark): Promise<void> {
    this.file.use((prepare) => prepare(POST).run(target, drained ? 1 : 0, at));
  }

  async read(): Promise<Map<string, DrainMark>> {
    const rows = this.file.use((prepare) => prepare(READ).all());
    return new Map(rows.map(({ target, drained, at }) => [String(target), { drained: drained === 1, at: Number(at) }]));
  }
}
