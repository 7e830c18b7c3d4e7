import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { SqliteFile } from '../../src/common/sqlite/adapters/sqlite-file.js';
import { StoreUnavailable } from '../../src/common/store-unavailable.js';
import { AzureTables, type TablesConnection } from '../../src/common/tables/adapters/azure-tables.js';
import { SqliteUsageStore } from '../../src/modules/telemetry/adapters/sqlite.usage-store.js';
import { SqliteWriterMarks } from '../../src/modules/telemetry/adapters/sqlite.writer-marks.js';
import { TablesUsageStore } from '../../src/modules/telemetry/adapters/tables.usage-store.js';
import { TablesWriterMarks } from '../../src/modules/telemetry/adapters/tables.writer-marks.js';
import { AzuriteTables } from '../support/azurite-tables.js';
import { HttpFaultProxy } from '../support/http-fault-proxy.js';
import { TemporaryFolder } from './session-samples.js';
import { describeUsageStore, usageRow } from './usage-store.contract.js';

/** Rows: some 3 ms. */
const LONGEST_PIECE = 250;
const cleanUps: (() => void)[] = [];
afterEach(() => cleanUps.splice(0).forEach((cleanUp) => cleanUp()));

describeUsageStore('SQLite', async () => {
  const folder = new TemporaryFolder();
  const file = new SqliteFile(folder.database);
  cleanUps.push(() => (file.close(), folder.remove()));
  return { store: new SqliteUsageStore(file), marks: new SqliteWriterMarks(file) };
});

it.each([null, 'acme'])('reads the embedded database in short pieces, of tenant %s', async (tenant) => {
  const DAYS = 4;
  const USERS = 600;
  const folder = new TemporaryFolder();
  const file = new SqliteFile(folder.database);
  cleanUps.push(() => (file.close(), folder.remove()));
  const store = new SqliteUsageStore(file);
  for (let n = 1; n <= DAYS; n += 1) {
    const day = `2026-11-${String(n).padStart(2, '0')}`;
    const rows = Array.from({ length: USERS }, (_, user) => usageRow({ day, user: `user-${user}` }));
    await store.add({ replica: 'one', number: n, month: '2026-11', tenant: 'acme', rows });
  }
  let turns = 0;
  let read = 0;
  let next = setImmediate(function turn() {
    turns += 1;
    next = setImmediate(turn);
  });
  for await (const page of store.pages({ from: '2026-11-01', to: '2026-11-30', tenant })) {
    read += page.length;
    expect(read / (turns + 1)).toBeLessThanOrEqual(LONGEST_PIECE);
  }
  clearImmediate(next);
  expect(read).toBe(DAYS * USERS);
});

describe('on Azurite', () => {
  let azurite: AzuriteTables;
  let proxy: HttpFaultProxy;
  let table: TablesConnection;
  let count = 0;
  beforeAll(async () => {
    azurite = await AzuriteTables.start();
    proxy = await HttpFaultProxy.start(azurite.port);
  }, 30_000);
  afterEach(() => {
    proxy.heal();
    table.close();
  });
  afterAll(() => Promise.all([proxy.close(), azurite.close()]));

  /** In a table of its own. */
  const create = async () => {
    const { tables } = routerConfigSchema.parse({ tables: { connectionString: azurite.connectionString(proxy.port) } });
    table = new AzureTables(tables).table(`usage${(count += 1)}`);
    table.start();
    return { store: new TablesUsageStore(table), marks: new TablesWriterMarks(table) };
  };
  describeUsageStore('Azure Table Storage', create);

  const entities = () =>
    table.run(async (client) => {
      const rows = [];
      for await (const { partitionKey, rowKey } of client.listEntities()) rows.push(`${partitionKey} ${rowKey}`);
      return rows;
    });
  const batch = (number: number, replica = 'one') => {
    return { replica, number, month: '2026-11', tenant: 'acme', rows: [usageRow()] };
  };

  it('has as many entities as keys, and one for each replica that runs', async () => {
    const { store } = await create();
    const others = [new TablesUsageStore(table), new TablesUsageStore(table)];
    for (let n = 1; n <= 5; n += 1) {
      await store.add(batch(n));
      for (const [i, other] of others.entries()) await other.add(batch(n, `other-${i}`));
    }
    expect(await entities()).toHaveLength(1 + 3);
    await Promise.all([store, ...others].map((each) => each.close()));
    expect(await entities()).toEqual([expect.stringContaining('2026-11|acme r|2026-11-05|')]);
  });

  it.each(['hang', 'lose', 'reset'] as const)('counts a batch once when the store did %s', async (fault) => {
    const { store } = await create();
    await store.add(batch(1));
    let isFirst = true;
    proxy.set(({ url }) => {
      const hit = isFirst && url?.endsWith('$batch');
      if (hit) isFirst = false;
      return hit ? fault : 'pass';
    });
    await store.add(batch(2)).catch(() => store.add(batch(2)));
    expect(proxy.faults).toBeGreaterThan(0);
    await store.add(batch(3));
    const rows = [];
    for await (const page of store.pages({ from: '2026-11-01', to: '2026-11-30', tenant: 'acme' })) rows.push(...page);
    expect(rows.map(({ requests }) => requests)).toEqual([3]);
  });

  it('F05 a store that refuses is a store that is away', async () => {
    const { store, marks } = await create();
    await store.add(batch(1));
    for (const status of [403, 404, 409, 500]) {
      proxy.set({ status });
      await expect(store.add(batch(2))).rejects.toThrow(StoreUnavailable);
      await expect(marks.all()).rejects.toThrow(StoreUnavailable);
    }
  });
});
