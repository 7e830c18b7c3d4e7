import { SqliteFile } from '../../src/modules/session/adapters/sqlite-file.js';
import { SqliteSessionIndex } from '../../src/modules/session/adapters/sqlite.session-index.js';
import { describeSessionIndex } from './session-index.contract.js';
import { TemporaryFolder, TestClock } from './session-samples.js';

const cleanUps: (() => void)[] = [];
afterEach(() => cleanUps.splice(0).forEach((cleanUp) => cleanUp()));

describeSessionIndex('SQLite', () => {
  const folder = new TemporaryFolder();
  const file = new SqliteFile(folder.database);
  cleanUps.push(() => (file.close(), folder.remove()));
  const clock = new TestClock();
  return { clock, index: new SqliteSessionIndex(file, clock.now) };
});
