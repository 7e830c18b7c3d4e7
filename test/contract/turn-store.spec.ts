import { SqliteFile } from '../../src/modules/session/adapters/sqlite-file.js';
import { SqliteTurnStore } from '../../src/modules/session/adapters/sqlite.turn-store.js';
import { TemporaryFolder, TestClock } from './session-samples.js';
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
