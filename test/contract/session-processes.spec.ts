import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { MemoryHotTail } from '../../src/modules/session/adapters/memory.hot-tail.js';
import { SqliteFile } from '../../src/common/sqlite/adapters/sqlite-file.js';
import { SqliteTurnStore } from '../../src/modules/session/adapters/sqlite.turn-store.js';
import { idsOf, KEY, storedTurn, TemporaryFolder } from './session-samples.js';

const ENDLESS = 1_000_000;

describe('several processes on one database file', () => {
  let folder: TemporaryFolder;
  let file: SqliteFile;
  let store: SqliteTurnStore;

  beforeEach(() => {
    folder = new TemporaryFolder();
    file = new SqliteFile(folder.database);
    store = new SqliteTurnStore(file);
  });
  afterEach(() => {
    file.close();
    folder.remove();
  });

  const startWriter = (first: number, step: number, count: number) => {
    const program = [
      '--import',
      './test/contract/session-typescript-hook.mjs',
      'test/contract/session-writer.process.ts',
    ];
    const args = [...program, folder.database, String(first), String(step), String(count)];
    return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] } });
  };
  const stored = async () => idsOf((await store.newest(KEY, ENDLESS, null)).turns);

  it('loses no turn of two processes that create the file and write at the same time', async () => {
    const writers = [startWriter(0, 2, 300), startWriter(1, 2, 300)];
    const acknowledged = await Promise.all(writers.map(linesOf));
    expect(acknowledged.flat()).toHaveLength(600);
    expect(new Set(await stored())).toEqual(new Set(acknowledged.flat()));
  });

  it('keeps every acknowledged turn of a process that is killed', async () => {
    const writer = startWriter(0, 1, ENDLESS);
    const acknowledged: string[] = [];
    for await (const line of createInterface(writer.stdout)) {
      acknowledged.push(line);
      if (acknowledged.length === 50) writer.kill('SIGKILL');
    }
    const ids = new Set(await stored());
    expect(acknowledged.length).toBeGreaterThanOrEqual(50);
    expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
  });

  it('does not answer from memory what another process has changed', async () => {
    const limits = { ttlMs: 60_000, maxTurns: 50, maxSessions: 10, maxBytes: 1_000_000 };
    await store.append(KEY, storedTurn(0));
    const tail = new MemoryHotTail(
      () => limits,
      () => file.foreignWrites(),
    );
    await tail.fill(KEY, [storedTurn(0)], (await tail.read(KEY)).mark);
    await store.append({ ...KEY, sessionId: 'own' }, storedTurn(0));
    expect((await tail.read(KEY)).complete).toBe(true);
    await linesOf(startWriter(1, 1, 1));
    expect((await tail.read(KEY)).complete).toBe(false);
  });
});

async function linesOf(child: ChildProcessByStdio<null, Readable, null>): Promise<string[]> {
  const exited = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) lines.push(line);
  const [code] = await exited;
  if (code !== 0) throw new Error(`writer exited with ${code}`);
  return lines;
}
