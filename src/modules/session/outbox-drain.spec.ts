import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { MemoryTurnOutbox } from './adapters/memory.turn-outbox.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import { OutboxDrain } from './outbox-drain.js';
import type { Outboxes } from './outboxes.js';
import type { Turn } from './session.messages.js';
import type { OutboxEntry, PendingTurn } from './turn-outbox.js';
import type { SessionStores } from './session-stores.js';

const turnOf = (id: string) => ({ id, at: '2026-01-01T00:00:00.000Z' }) as Turn;
const PENDING = {
  key: { tenant: 'acme', sessionId: 's' },
  turn: { turn: turnOf('1'), expiresAt: Infinity, bytes: 1 },
} as PendingTurn;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'router-drain-'));
  process.env['ROUTER_DATA_DIR'] = folder;
  jest.spyOn(Logger.prototype, 'log').mockReturnValue(undefined);
});
afterEach(() => {
  jest.restoreAllMocks();
  delete process.env['ROUTER_DATA_DIR'];
  rmSync(folder, { recursive: true });
});

const drainOf = (outboxes: Partial<Outboxes>, append: () => Promise<unknown>): OutboxDrain => {
  const turnStore = { check: async () => ({ healthy: true }), erasedAt: async () => null, append };
  const indexWriter = { record: () => undefined };
  const stores = { turnStore, indexWriter, outboxes: { storedAt: 0, ...outboxes } } as unknown as SessionStores;
  return new OutboxDrain(stores);
};

describe('this process alone', () => {
  const memory = async (): Promise<MemoryTurnOutbox> => {
    const outbox = new MemoryTurnOutbox({ maxTurns: 10, maxBytes: 1_000 });
    for (const id of ['1', '2'])
      await outbox.put({ ...PENDING, turn: { ...PENDING.turn, turn: turnOf(id), bytes: 1 } });
    return outbox;
  };

  it('asks a store that is away for one turn, and keeps all', async () => {
    const [outbox, append] = [await memory(), jest.fn(() => Promise.reject(new StoreUnavailable('away')))];
    await drainOf({ memory: outbox, shared: null }, append).drain();
    expect(append).toHaveBeenCalledTimes(1);
    expect(await outbox.size()).toEqual({ waiting: 2, setAside: 0 });
  });

  it('sets aside what was refused five times, after growing gaps', async () => {
    jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    let now = 1_000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const [outbox, append] = [await memory(), jest.fn(() => Promise.reject(new Error('no turn')))];
    const drain = drainOf({ memory: outbox, shared: null }, append);
    const tries: number[] = [];
    for (; now < 20_000; now += 250) {
      const before = append.mock.calls.length;
      await drain.drain();
      if (append.mock.calls.length > before) tries.push(now);
    }
    expect(tries).toEqual([1_000, 1_500, 2_500, 4_500, 8_500]);
    expect(await outbox.size()).toEqual({ waiting: 0, setAside: 2 });
  });
});

it('a replica that stops leaves the shared outbox, which never becomes empty, to the others', async () => {
  let delivered = 0;
  const shared = {
    size: async () => ({ waiting: 1, setAside: 0 }),
    async *entries(): AsyncGenerator<Partial<OutboxEntry>> {
      for (let n = 0; ; n += 1) yield { id: String(n), pending: () => PENDING, remove: async () => undefined };
    },
  };
  const memory = new MemoryTurnOutbox({ maxTurns: 1, maxBytes: 1 });
  const outboxes = { memory, shared } as unknown as Outboxes;
  const drain = drainOf(outboxes, () => setImmediate((delivered += 1)));
  const pass = drain.drain();
  while (delivered < 10) await setImmediate();
  await drain.flush(false);
  await pass;
  expect(delivered).toBeGreaterThanOrEqual(10);
});
