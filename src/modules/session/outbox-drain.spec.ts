import { setImmediate } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import type { IndexWriter } from './index-writer.js';
import { OutboxDrain } from './outbox-drain.js';
import type { Outboxes } from './outboxes.js';
import type { Deliver, PendingTurn } from './turn-outbox.js';
import type { TurnStore } from './turn-store.js';

const PENDING = {
  key: { tenant: 'acme', sessionId: 's' },
  turn: { turn: { id: '1', at: '2026-01-01T00:00:00.000Z' }, expiresAt: Infinity },
} as unknown as PendingTurn;

beforeEach(() => {
  jest.spyOn(Logger.prototype, 'log').mockReturnValue(undefined);
});
afterEach(() => {
  jest.restoreAllMocks();
});

it('a replica that stops leaves the shared outbox, which never becomes empty, to the others', async () => {
  let delivered = 0;
  const shared = {
    depth: async () => 1,
    async drain(deliver: Deliver): Promise<number> {
      for (let count = 0; ; count += 1) {
        const outcome = await deliver(PENDING).catch((error: unknown) => error);
        if (outcome instanceof StoreUnavailable) return count;
      }
    },
  };
  const store = {
    check: async () => ({ healthy: true }),
    erasedAt: async () => null,
    append: () => setImmediate((delivered += 1)),
  };
  const memory = { depth: async () => 0, drain: async () => 0 };
  const outboxes = { memory, shared, storedAt: 0 } as unknown as Outboxes;
  const index = { record: () => undefined } as unknown as IndexWriter;
  const drain = new OutboxDrain(outboxes, store as unknown as TurnStore, index);
  const pass = drain.drain();
  while (delivered < 10) await setImmediate();
  await drain.flush(false);
  await pass;
  expect(delivered).toBeGreaterThanOrEqual(10);
});
