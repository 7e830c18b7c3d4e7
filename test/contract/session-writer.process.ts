import { writeSync } from 'node:fs';
import { SqliteFile } from '../../src/common/sqlite/adapters/sqlite-file.js';
import { SqliteTurnStore } from '../../src/modules/session/adapters/sqlite.turn-store.js';
import { KEY, storedTurn } from './session-samples.js';

// A process of its own that appends turns first, first + step, ... and prints each id once it is acknowledged.
const [path, first, step, count] = process.argv.slice(2);
const store = new SqliteTurnStore(new SqliteFile(path!));
for (let i = 0; i < Number(count); i += 1) {
  const turn = storedTurn(Number(first) + i * Number(step));
  await store.append(KEY, turn);
  writeSync(1, `${turn.turn.id}\n`);
}
