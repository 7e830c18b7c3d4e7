import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { toStoredTurn } from '../stored-turn.js';
import type { Turn } from '../session.messages.js';
import { SqliteFile } from '../../../common/sqlite/adapters/sqlite-file.js';
import { sweepExpired } from './sqlite.expiry-sweep.js';
import { SqliteTurnStore } from './sqlite.turn-store.js';

const KEY = { tenant: 'acme', sessionId: 'one' };
const DAY_MS = 86_400_000;
const REST_MS = 5_000;

/** Between the first write to a new file and its commit: here SQLite does not apply its busy timeout to others. */
const CREATOR = `
  const { DatabaseSync } = require('node:sqlite');
  const database = new DatabaseSync(process.argv[1]);
  database.exec('BEGIN IMMEDIATE; CREATE TABLE other (x)');
  require('node:fs').writeSync(1, 'writing');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
  database.exec('COMMIT');
  database.close();
`;

const turn = (id: string, text = 'hello'): Turn => ({
  id,
  at: new Date(0).toISOString(),
  requestId: 'r',
  messages: [{ role: 'user', content: text }],
  target: 'local',
  tier: 'local',
  model: 'm',
  usage: null,
  costUsd: null,
  latencyMs: 1,
  cached: false,
  simulated: false,
  fallback: false,
});

describe('SqliteFile', () => {
  let folder: string;
  let path: string;
  let nowMs: number;
  let warn: jest.SpiedFunction<Logger['warn']>;
  let error: jest.SpiedFunction<Logger['error']>;
  const opened: SqliteFile[] = [];

  const open = (at = path) => {
    const file = new SqliteFile(at, () => nowMs);
    opened.push(file);
    return { file, store: new SqliteTurnStore(file, () => nowMs) };
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'router-sqlite-'));
    path = join(folder, 'data', 'router.db');
    nowMs = 0;
    warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
  });
  afterEach(() => {
    opened.splice(0).forEach((file) => file.close());
    rmSync(folder, { recursive: true, force: true });
    jest.restoreAllMocks();
  });

  const unusable: [string, () => void][] = [
    ['the folder cannot be created', () => writeFileSync(join(folder, 'data'), 'a file')],
    ['the file is a folder', () => mkdirSync(path, { recursive: true })],
    ['the file is not a database', () => (mkdirSync(join(folder, 'data')), writeFileSync(path, 'x'.repeat(10_000)))],
    [
      'a newer release wrote it',
      () => (mkdirSync(join(folder, 'data')), new DatabaseSync(path).exec('PRAGMA user_version = 99')),
    ],
  ];

  it.each(unusable)('reports it and warns once when %s', async (_, spoil) => {
    spoil();
    const { store } = open();
    await expect(store.append(KEY, toStoredTurn(turn('A'), 30))).rejects.toThrow(StoreUnavailable);
    await expect(store.newest(KEY, 1, null)).rejects.toThrow(StoreUnavailable);
    const { healthy, detail } = await store.check();
    expect(healthy).toBe(false);
    expect(detail).toMatch(/^SQLite: \S/);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it('tells readers of /ready why it cannot be used, without a path of this machine', () => {
    writeFileSync(join(folder, 'in-the-way'), '');
    const { file } = open(join(folder, 'in-the-way', 'deeper', 'router.db'));
    for (let look = 0; look < 2; look += 1) {
      expect(file.check()).toEqual({ healthy: false, detail: 'SQLite: ENOTDIR' });
    }
  });

  it('comes back by itself once the file can be used', async () => {
    writeFileSync(join(folder, 'data'), 'in the way');
    const { store } = open();
    expect((await store.check()).healthy).toBe(false);
    rmSync(join(folder, 'data'));
    nowMs += REST_MS - 1;
    expect((await store.check()).healthy).toBe(false);
    nowMs += 1;
    await store.append(KEY, toStoredTurn(turn('A'), 30));
    expect((await store.check()).healthy).toBe(true);
  });

  it('waits for a lock once, not once per call', async () => {
    const { store } = open();
    await store.append(KEY, toStoredTurn(turn('A'), 30));
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const started = performance.now();
    await expect(store.append(KEY, toStoredTurn(turn('B'), 30))).rejects.toThrow('locked');
    for (let i = 0; i < 20; i += 1) {
      await expect(store.append(KEY, toStoredTurn(turn('B'), 30))).rejects.toThrow(StoreUnavailable);
    }
    expect(performance.now() - started).toBeLessThan(2_000);
    other.exec('ROLLBACK');
    other.close();
    nowMs += REST_MS;
    await store.append(KEY, toStoredTurn(turn('B'), 30));
    expect((await store.newest(KEY, 9, null)).turns).toHaveLength(2);
  });

  it('waits for another process that is creating the file', async () => {
    mkdirSync(join(folder, 'data'));
    const creator = spawn(process.execPath, ['-e', CREATOR, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(creator, 'exit');
    await once(creator.stdout, 'data');
    await open().store.append(KEY, toStoredTurn(turn('A'), 30));
    expect(await exit).toEqual([0, null]);
    expect(warn).not.toHaveBeenCalled();
  });

  it('keeps a defect of the caller apart from a failure of the file', async () => {
    const { file, store } = open();
    await store.check();
    expect(() => file.use((prepare) => prepare('SELECT ?').get(undefined as never))).toThrow('cannot be bound');
    expect((await store.check()).healthy).toBe(true);
  });

  it.each([
    ['not JSON', '{"v":1,'],
    ['version 9, expected 1', '{"v":9}'],
    ['messages is not a list of objects', JSON.stringify({ ...turn('B'), v: 1, request_id: 'r', messages: [null] })],
  ])('leaves out and reports a row that is broken: %s', async (reason, document) => {
    const { store } = open();
    for (const id of ['A', 'B', 'C']) await store.append(KEY, toStoredTurn(turn(id), 30));
    const other = new DatabaseSync(path);
    other.prepare("UPDATE turns SET document = ? WHERE id = 'B'").run(document);
    other.close();
    const page = await store.newest(KEY, 2, null);
    expect(page.turns.map((stored) => stored.turn.id)).toEqual(['C']);
    expect((await store.newest(KEY, 2, page.next)).turns.map((stored) => stored.turn.id)).toEqual(['A']);
    expect(error).toHaveBeenCalledWith(`turn B of session 7692c3ad3540 cannot be read and is left out: ${reason}`);
  });

  it('sweeps what has expired and nothing else', async () => {
    const { file, store } = open();
    await store.append(KEY, toStoredTurn(turn('A'), 1));
    await store.append(KEY, toStoredTurn(turn('B'), 2));
    nowMs = DAY_MS;
    await sweepExpired(file, new AbortController().signal, () => nowMs);
    const ids = file.use((prepare) => prepare('SELECT id FROM turns').all()).map((row) => row['id']);
    expect(ids).toEqual(['B']);
  });

  it('sweeps marks of erasures after 7 days', async () => {
    const { file, store } = open();
    await store.erase(KEY, nowMs);
    const marks = () => file.use((prepare) => prepare('SELECT COUNT(*) AS n FROM erasures').get())?.['n'];
    nowMs = 7 * DAY_MS - 1;
    await sweepExpired(file, new AbortController().signal, () => nowMs);
    expect(marks()).toBe(1);
    nowMs += 1;
    await sweepExpired(file, new AbortController().signal, () => nowMs);
    expect(marks()).toBe(0);
  });

  it('brings a file of the first release up to date and keeps what is in it', async () => {
    const { file, store } = open();
    await store.append(KEY, toStoredTurn(turn('A'), 30));
    const later = [
      'erasures',
      'spend',
      'drains',
      'usage',
      'usage_batches',
      'usage_writers',
      'requests',
      'request_places',
      'request_feedback',
    ];
    for (const sql of [...later.map((table) => `DROP TABLE ${table}`), 'ALTER TABLE sessions DROP COLUMN counted'])
      file.use((prepare) => prepare(sql).run());
    file.use((prepare) => prepare('PRAGMA user_version = 1').run());
    file.close();
    const { store: now } = open();
    expect((await now.newest(KEY, 10, null)).turns).toHaveLength(1);
    await now.erase(KEY, nowMs);
    expect(await now.erasedAt(KEY)).toBe(nowMs);
  });

  it('leaves nothing of an erased conversation in the write-ahead log while the service goes on', async () => {
    const { store } = open();
    await store.append(KEY, toStoredTurn(turn('1', 'the-secret-'.repeat(500)), 30));
    expect(readFileSync(`${path}-wal`).includes('the-secret-')).toBe(true);
    await store.erase(KEY, nowMs);
    for (const file of [path, `${path}-wal`]) expect(readFileSync(file).includes('the-secret-')).toBe(false);
  });

  it('leaves nothing of an erased conversation in the file', async () => {
    const { file, store } = open();
    const secret = 'the-secret-'.repeat(500);
    await store.append(KEY, toStoredTurn(turn('A', secret), 30));
    file.use((prepare) => prepare('PRAGMA wal_checkpoint(TRUNCATE)').get());
    expect(readFileSync(path).includes('the-secret-')).toBe(true);
    await store.erase(KEY, nowMs);
    file.close();
    expect(readFileSync(path).includes('the-secret-')).toBe(false);
  });
});
