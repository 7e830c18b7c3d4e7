import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundWork } from '../../../common/background-work.js';
import { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import { MonthlySpend, monthName } from '../monthly-spend.js';

const LOAD = 'SELECT user, usd FROM spend WHERE month = ?';
const ADD = `INSERT INTO spend (month, user, usd) VALUES (?, ?, ?)
  ON CONFLICT (month, user) DO UPDATE SET usd = usd + excluded.usd`;
const FORGET_OLD = 'DELETE FROM spend WHERE month < ?';
/**
 * How long a cost may be in memory only, milliseconds: what a `kill -9` can lose beside the requests in flight. All that
 * were settled meanwhile are one transaction, so that a busy service does not write for each.
 */
const WRITE_WITHIN_MS = 20;

const KEEPING = 'keeping what was spent';
const MONTH = 'yyyy-mm'.length;
/** Between two tries while the file cannot be used, milliseconds. */
const RETRY_MS = 5_000;

/**
 * The month's spend, kept in the embedded database, so that a restart does not begin a budget anew. While the file
 * cannot be used the sums are in memory and are written when it can.
 */
@Injectable()
export class SqliteMonthlySpend extends MonthlySpend implements OnApplicationShutdown {
  private readonly logger = new Logger('quota');
  private readonly background = new BackgroundWork('quota');
  /** USD by `yyyy-mm|user`. */
  private readonly unwritten = new Map<string, number>();
  private loaded = '';
  /** The latest moment that was asked about, milliseconds since 1970. */
  private latest = 0;

  constructor(private readonly file: SqliteFile) {
    super();
  }

  override add(now: number, user: string, costUsd: number): void {
    this.load(now);
    super.add(now, user, costUsd);
    if (!(costUsd > 0)) return;
    this.keep(`${monthName(now)}|${user}`, costUsd);
    this.background.soon(KEEPING, WRITE_WITHIN_MS, () => this.write());
  }

  override spent(now: number, user: string): number {
    this.load(now);
    return super.spent(now, user);
  }

  /** At the end of the process: every request has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
    try {
      this.write();
    } catch (err) {
      this.logger.error({ err }, 'what was spent last is missing in the monthly budgets');
    }
  }

  /** Once a month, with the first question about it; a file that is away now is asked again with the next one. */
  private load(now: number): void {
    this.latest = Math.max(this.latest, now);
    if (monthName(now) <= this.loaded) return;
    try {
      this.loadMonth(now);
    } catch {
      // told by the file
    }
  }

  private loadMonth(now: number): void {
    const month = monthName(now);
    const rows = this.file.use((prepare) => {
      prepare(FORGET_OLD).run(this.loaded || month);
      return prepare(LOAD).all(month);
    });
    this.loaded = month;
    for (const { user, usd } of rows) super.add(now, String(user), Number(usd));
  }

  private keep(place: string, usd: number): void {
    this.unwritten.set(place, usd + (this.unwritten.get(place) ?? 0));
  }

  /** What was there before is read first: what is written from memory and read afterwards would count twice. */
  private write(): void {
    if (this.unwritten.size === 0) return;
    const sums = [...this.unwritten];
    this.unwritten.clear();
    try {
      if (monthName(this.latest) > this.loaded) this.loadMonth(this.latest);
      this.file.transaction((prepare) => {
        for (const [place, usd] of sums) prepare(ADD).run(place.slice(0, MONTH), place.slice(MONTH + 1), usd);
      });
    } catch (error) {
      for (const [place, usd] of sums) this.keep(place, usd);
      this.background.soon(KEEPING, RETRY_MS, () => this.write());
      throw error;
    }
  }
}
