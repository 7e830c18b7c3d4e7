import { Logger } from '@nestjs/common';
import { BackgroundWork } from '../../../common/background-work.js';
import type { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import { MonthlySpend } from '../monthly-spend.js';

const LOAD = 'SELECT user, usd FROM spend WHERE month = ?';
const ADD = `INSERT INTO spend (month, user, usd) VALUES (?, ?, ?)
  ON CONFLICT (month, user) DO UPDATE SET usd = usd + excluded.usd`;
const FORGET_OLD = 'DELETE FROM spend WHERE month < ?';
/**
 * How long a cost may be in memory only, milliseconds: what a `kill -9` can lose beside the requests in flight. All that
 * were settled meanwhile are one transaction, so that a busy service does not write for each.
 */
const WRITE_WITHIN_MS = 20;

const DAY_MS = 86_400_000;

/** Between two tries while the file cannot be used, milliseconds. */
const RETRY_MS = 5_000;

const monthOf = (now: number): string => new Date(now).toISOString().slice(0, 'yyyy-mm'.length);

/**
 * The month's spend, kept in the embedded database, so that a restart does not begin a budget anew. While the file
 * cannot be used the sums are in memory and are written when it can.
 */
export class SqliteMonthlySpend extends MonthlySpend {
  private readonly logger = new Logger('quota');
  private readonly background = new BackgroundWork('quota');
  /** Not written yet: USD by month and user. */
  private unwritten = new Map<string, Map<string, number>>();
  private writing = false;
  private loaded = '';
  /** Name of the day's month; every request asks for it twice. */
  private day = NaN;
  private month = '';

  constructor(private readonly file: SqliteFile) {
    super();
  }

  override add(now: number, user: string, costUsd: number): void {
    this.load(now);
    super.add(now, user, costUsd);
    if (!(costUsd > 0)) return;
    const month = this.monthAt(now);
    const sums = this.unwritten.get(month) ?? new Map<string, number>();
    sums.set(user, (sums.get(user) ?? 0) + costUsd);
    this.unwritten.set(month, sums);
    this.writeSoon();
  }

  override spent(now: number, user: string): number {
    this.load(now);
    return super.spent(now, user);
  }

  /** At the end of the process: every request has ended. */
  async close(): Promise<void> {
    await this.background.stop();
    try {
      this.write();
    } catch (err) {
      this.logger.error({ err }, 'what was spent last is missing in the monthly budgets');
    }
  }

  /** Once a month, with the first question about it; a file that is away now is asked again with the next one. */
  private load(now: number): void {
    const month = this.monthAt(now);
    if (month <= this.loaded) return;
    try {
      const rows = this.file.use((prepare) => {
        prepare(FORGET_OLD).run(this.loaded || month);
        return prepare(LOAD).all(month);
      });
      this.loaded = month;
      for (const { user, usd } of rows) super.add(now, String(user), Number(usd));
    } catch {
      // told by the file
    }
  }

  private monthAt(now: number): string {
    const day = Math.floor(now / DAY_MS);
    if (day !== this.day) {
      this.day = day;
      this.month = monthOf(now);
    }
    return this.month;
  }

  private writeSoon(delayMs = WRITE_WITHIN_MS): void {
    if (this.writing) return;
    this.writing = true;
    this.background.after('keeping what was spent', delayMs, () => {
      this.writing = false;
      this.write();
    });
  }

  private write(): void {
    if (this.unwritten.size === 0) return;
    const waiting = this.unwritten;
    this.unwritten = new Map();
    try {
      this.file.transaction((prepare) => {
        for (const [month, sums] of waiting) for (const [user, usd] of sums) prepare(ADD).run(month, user, usd);
      });
    } catch (error) {
      for (const [month, sums] of waiting) {
        const newer = this.unwritten.get(month) ?? new Map<string, number>();
        for (const [user, usd] of sums) newer.set(user, (newer.get(user) ?? 0) + usd);
        this.unwritten.set(month, newer);
      }
      this.writeSoon(RETRY_MS);
      throw error;
    }
  }
}
