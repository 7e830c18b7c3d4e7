import type { TableClient } from '@azure/data-tables';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { AzureTables, type TablesConnection } from '../../src/common/tables/adapters/azure-tables.js';
import { TablesSessionIndex } from '../../src/modules/session/adapters/tables.session-index.js';
import { AzuriteTables } from '../support/azurite-tables.js';
import { SqliteFile } from '../../src/common/sqlite/adapters/sqlite-file.js';
import { SqliteSessionIndex } from '../../src/modules/session/adapters/sqlite.session-index.js';
import { eventually } from '../support/router-calls.js';
import { describeSessionIndex } from './session-index.contract.js';
import { KEY, START, storedTurn, TemporaryFolder, TestClock } from './session-samples.js';

const cleanUps: (() => void)[] = [];
afterEach(() => cleanUps.splice(0).forEach((cleanUp) => cleanUp()));

describeSessionIndex('SQLite', () => {
  const folder = new TemporaryFolder();
  const file = new SqliteFile(folder.database);
  cleanUps.push(() => (file.close(), folder.remove()));
  const clock = new TestClock();
  return { clock, index: new SqliteSessionIndex(file, clock.now) };
});

describe('on Azurite', () => {
  let azurite: AzuriteTables;
  let tables: TablesConnection;
  let count = 0;
  beforeAll(async () => {
    azurite = await AzuriteTables.start();
  }, 30_000);
  afterEach(() => tables.close());
  afterAll(() => azurite.close());

  /** In a table of its own. */
  const create = async () => {
    const { tables: config } = routerConfigSchema.parse({ tables: { connectionString: azurite.connectionString() } });
    tables = new AzureTables(config).table(`sessions${(count += 1)}`);
    tables.start();
    const clock = new TestClock();
    return { clock, index: new TablesSessionIndex(tables, clock.now) };
  };
  describeSessionIndex('Azure Table Storage', create);

  it('is healthy after its first contact', async () => {
    const { index } = await create();
    await eventually('healthy', 10_000, async () => (await index.check()).healthy);
  });

  it('counts a turn once when the answer to the first try was lost', async () => {
    const { index } = await create();
    await index.record(KEY, storedTurn(1));
    await index.record(KEY, storedTurn(1));
    expect((await index.find(KEY))?.turnCount).toBe(1);
  });

  it('sweeps what has expired and nothing else', async () => {
    const { index, clock } = await create();
    await index.record(KEY, storedTurn(0, {}, 1));
    await index.record({ ...KEY, sessionId: 'two' }, storedTurn(0));
    clock.ms = START + 2 * 86_400_000;
    await index.sweep();
    const rows = await tables.run(rowsOf);
    expect(rows).toHaveLength(3);
    expect((await index.list(KEY.tenant, 10, 'asc', null)).sessions.map(({ id }) => id)).toEqual(['two']);
  });
});

async function rowsOf(client: TableClient) {
  const rows = [];
  for await (const row of client.listEntities()) rows.push(row);
  return rows;
}
