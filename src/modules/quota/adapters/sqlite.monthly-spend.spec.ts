import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { TemporaryFolder } from '../../../../test/contract/session-samples.js';
import { SqliteMonthlySpend } from './sqlite.monthly-spend.js';

/** The embedded database, which may be away. */
class FileThatMayBeAway implements Pick<SqliteFile, 'use' | 'transaction'> {
  away = false;

  constructor(private readonly file: SqliteFile) {}

  use: SqliteFile['use'] = (work) => this.there().use(work);
  transaction: SqliteFile['transaction'] = (work) => this.there().transaction(work);

  private there(): SqliteFile {
    if (this.away) throw new StoreUnavailable('away');
    return this.file;
  }
}

const NOW = Date.UTC(2026, 10, 27);

beforeAll(() => Logger.overrideLogger(false));

describe('the spend that is kept in the embedded database', () => {
  let folder: TemporaryFolder;
  let real: SqliteFile;
  let file: FileThatMayBeAway;
  let spend: SqliteMonthlySpend;
  const opened = () => new SqliteMonthlySpend(file as never);
  beforeEach(() => {
    jest.useFakeTimers({ now: NOW });
    folder = new TemporaryFolder();
    real = new SqliteFile(folder.database);
    file = new FileThatMayBeAway(real);
    spend = opened();
  });
  afterEach(async () => {
    await spend.onApplicationShutdown();
    jest.useRealTimers();
    real.close();
    folder.remove();
  });

  it('is there after a restart', async () => {
    spend.add(NOW, 'alice', 5);
    await spend.onApplicationShutdown();
    spend = opened();
    expect(spend.spent(NOW, 'alice')).toBe(5);
  });

  it.each([20, 5_100])('counts once what came while the file was away, and works again %d ms later', async (ms) => {
    spend.add(NOW, 'alice', 2);
    await spend.onApplicationShutdown();
    spend = opened();
    file.away = true;
    spend.add(NOW, 'alice', 5);
    if (ms > 20) await jest.advanceTimersByTimeAsync(20); // the first write fails
    file.away = false;
    await jest.advanceTimersByTimeAsync(ms);
    expect(spend.spent(NOW, 'alice')).toBe(7);
    await spend.onApplicationShutdown();
    spend = opened();
    expect(spend.spent(NOW, 'alice')).toBe(7);
  });

  it('keeps the last cost of a month that is over when it can be written', async () => {
    const december = Date.UTC(2026, 11, 1);
    file.away = true;
    spend.add(december - 1, 'alice', 5);
    spend.add(december, 'alice', 1);
    file.away = false;
    await jest.advanceTimersByTimeAsync(20);
    expect(spend.spent(december, 'alice')).toBe(1);
    expect(real.use((prepare) => prepare('SELECT month, usd FROM spend ORDER BY month').all())).toEqual(
      [
        { month: '2026-11', usd: 5 },
        { month: '2026-12', usd: 1 },
      ].map((row) => expect.objectContaining(row)),
    );
  });
});
