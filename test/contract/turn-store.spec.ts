import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { cosmosContainer, type CosmosContainer } from '../../src/modules/session/adapters/cosmos-container.js';
import { CosmosTurnStore } from '../../src/modules/session/adapters/cosmos.turn-store.js';
import { SqliteFile } from '../../src/common/sqlite/adapters/sqlite-file.js';
import { SqliteTurnStore } from '../../src/modules/session/adapters/sqlite.turn-store.js';
import { CosmosEmulator } from '../support/cosmos-emulator.js';
import { idsOf, KEY, sampleTurn, START, storedTurn, TemporaryFolder, TestClock } from './session-samples.js';
import { describeTurnStore } from './turn-store.contract.js';

const cleanUps: (() => void)[] = [];
afterEach(() => cleanUps.splice(0).forEach((cleanUp) => cleanUp()));

describeTurnStore('SQLite', () => {
  const folder = new TemporaryFolder();
  const file = new SqliteFile(folder.database);
  cleanUps.push(() => (file.close(), folder.remove()));
  const clock = new TestClock();
  return { clock, store: new SqliteTurnStore(file, clock.now) };
});

describe('on the Cosmos emulator', () => {
  let emulator: CosmosEmulator;
  const containers: CosmosContainer[] = [];
  beforeAll(async () => {
    emulator = await CosmosEmulator.start();
  });
  afterEach(() => containers.splice(0).forEach((container) => container.close()));
  afterAll(() => emulator.close());

  const open = (database: string) => {
    const { endpoint } = emulator;
    const { cosmos } = routerConfigSchema.parse({ cosmos: { endpoint, key: CosmosEmulator.KEY, database } });
    const container = cosmosContainer(cosmos);
    container.start();
    containers.push(container);
    return container;
  };
  let databases = 0;
  const create = () => {
    const clock = new TestClock();
    return { clock, store: new CosmosTurnStore(open(`db${++databases}`), clock.now) };
  };
  describeTurnStore('Cosmos DB', create);

  it('reports and leaves out what cannot be read, and reads what an older version wrote', async () => {
    const container = open('odd');
    const clock = new TestClock();
    const store = new CosmosTurnStore(container, clock.now);
    await store.append(KEY, storedTurn(2));
    const place = { pk: 'acme|one', tenant: 'acme', session: 'one', expiresAt: START + 1_000_000 };
    const old = { id: storedTurn(1).turn.id, at: sampleTurn(1).at, messages: sampleTurn(1).messages, target: 'local' };
    await container.run((items) => items.items.create({ ...place, ...old }));
    await container.run((items) => items.items.create({ ...place, id: storedTurn(0).turn.id, v: 1, messages: 'x' }));
    const errors = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { turns } = await store.newest(KEY, 10, null);
    expect(idsOf(turns)).toEqual(idsOf([storedTurn(2), storedTurn(1)]));
    expect(turns[1]?.turn).toMatchObject({ model: 'local', requestId: '', cached: false, costUsd: null });
    expect(errors).toHaveBeenCalledTimes(1);
    errors.mockRestore();
  });
});
