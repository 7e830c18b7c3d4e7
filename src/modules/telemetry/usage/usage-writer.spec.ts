import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { StoreRefusal, StoreUnavailable } from '../../../common/store-unavailable.js';
import { LostWriters } from './lost-writers.js';
import { NO_COUNTS, type UsageRow } from './usage-row.js';
import type { UsageBatch, UsageStore, WriterMark, WriterMarks } from './usage-store.js';
import { UsageWriter } from './usage-writer.js';

const row = (changes: Partial<UsageRow> = {}): UsageRow => ({
  ...{ day: '2026-11-05', tenant: 'acme', user: 'alice', model: 'auto', target: 'cloud' },
  ...NO_COUNTS,
  requests: 1,
  ...changes,
});

/** A store in memory that may be away. */
class StoreInMemory implements UsageStore, WriterMarks {
  /** In place of an answer; `after` = the batch is there all the same. */
  fault: { readonly error: Error; readonly after?: boolean; readonly tenant?: string } | null = null;
  marksFault: Error | null = null;
  readonly batches = new Map<string, UsageBatch>();
  readonly marked = new Map<string, WriterMark>();
  closed: string[] = [];
  swept: string[] = [];
  private version = 0;

  get requests(): number {
    return [...this.batches.values()].flatMap(({ rows }) => rows).reduce((sum, { requests }) => sum + requests, 0);
  }

  async add(batch: UsageBatch): Promise<void> {
    const fault = this.fault?.tenant === undefined || this.fault.tenant === batch.tenant ? this.fault : null;
    if (!fault || fault.after) this.batches.set(`${batch.replica} ${batch.number}`, batch);
    if (fault) throw fault.error;
  }

  async *pages(): AsyncGenerator<readonly UsageRow[]> {}

  async close(replica: string): Promise<void> {
    this.closed.push(replica);
  }

  async sweep(month: string): Promise<void> {
    this.swept.push(month);
  }

  async set(replica: string, writtenUntil: string): Promise<void> {
    if (this.marksFault) throw this.marksFault;
    this.marked.set(replica, { replica, writtenUntil, version: String((this.version += 1)) });
  }

  async all(): Promise<readonly WriterMark[]> {
    if (this.fault) throw this.fault.error;
    return [...this.marked.values()];
  }

  async remove(replica: string, version?: string): Promise<boolean> {
    if (version !== undefined && this.marked.get(replica)?.version !== version) return false;
    return this.marked.delete(replica);
  }
}

const AWAY = new StoreUnavailable('away');
const TIMES = { writeEvery: 10, lostAfter: 50, lastTry: 30 };

beforeAll(() => Logger.overrideLogger(false));

describe('UsageWriter', () => {
  let store: StoreInMemory;
  let writer: UsageWriter;
  let now: number;
  beforeEach(() => {
    store = new StoreInMemory();
    now = Date.UTC(2026, 10, 5);
    writer = new UsageWriter(store, store, () => now, TIMES);
  });
  afterEach(() => writer.stop());

  it('writes what was recorded before the call, also while a round is under way', async () => {
    writer.record(row());
    const first = writer.flush();
    writer.record(row());
    await Promise.all([first, writer.flush()]);
    expect(store.requests).toBe(2);
    expect(writer.unwritten.isEmpty).toBe(true);
  });

  it('tells a batch again, unchanged, until the store has said that it has it', async () => {
    store.fault = { error: AWAY, after: true };
    writer.record(row());
    await expect(writer.flush()).rejects.toBe(AWAY);
    writer.record(row());
    await expect(writer.flush()).rejects.toBe(AWAY);
    expect(store.requests).toBe(1);
    store.fault = null;
    await writer.flush();
    expect(store.batches.size).toBe(1);
    await writer.flush();
    expect([store.batches.size, store.requests]).toEqual([2, 2]);
  });

  it('goes on with the others when the store refuses one batch', async () => {
    const refusal = new StoreRefusal('too large');
    store.fault = { error: refusal, tenant: 'odd' };
    for (const tenant of ['a', 'odd', 'b', 'c', 'd', 'e', 'f']) writer.record(row({ tenant }));
    await expect(writer.flush()).rejects.toBe(refusal);
    expect(store.requests).toBe(6);
    expect(writer.unwritten.total.requests).toBe(1);
    store.fault = null;
  });

  it('has a mark in the store as long as something is not written', async () => {
    expect(store.marked.size).toBe(0);
    writer.record(row());
    await setImmediate();
    expect(store.marked.size).toBe(1);
    store.fault = { error: AWAY };
    await expect(writer.flush()).rejects.toBe(AWAY);
    expect(store.marked.size).toBe(1);
    store.fault = null;
    await writer.flush();
    expect(store.marked.size).toBe(0);
    writer.record(row());
    await setImmediate();
    expect(store.marked.size).toBe(1);
  });

  it('renews its mark while one batch is refused, and says until when all is written', async () => {
    store.fault = { error: new StoreRefusal('too large'), tenant: 'odd' };
    now = 1_000;
    writer.record(row({ tenant: 'odd' }));
    await setImmediate();
    const [before] = store.marked.values();
    now = 60_000;
    writer.record(row());
    await expect(writer.flush()).rejects.toBe(store.fault.error);
    const [after] = store.marked.values();
    expect(after?.version).not.toBe(before?.version);
    expect(after?.writtenUntil).toBe(new Date(1_000).toISOString());
    store.fault = null;
  });

  it('has its mark set once the store is there, though it was away with the first request', async () => {
    store.marksFault = AWAY;
    store.fault = { error: AWAY };
    writer.record(row());
    await expect(writer.flush()).rejects.toBe(AWAY);
    expect(store.marked.size).toBe(0);
    store.marksFault = null;
    await expect(writer.flush()).rejects.toBe(AWAY);
    expect(store.marked.size).toBe(1);
    store.fault = null;
  });

  describe('a store that was never reached', () => {
    let here: StoreInMemory;
    beforeEach(() => {
      here = new StoreInMemory();
      writer = new UsageWriter(store, store, () => now, TIMES, here);
      store.marksFault = AWAY;
      store.fault = { error: AWAY };
    });
    afterEach(() => {
      store.marksFault = null;
      store.fault = null;
    });

    it('has its mark on this machine until the store has it, in one place alone', async () => {
      writer.record(row());
      await expect(writer.flush()).rejects.toBe(AWAY);
      expect([here.marked.size, store.marked.size]).toEqual([1, 0]);
      store.marksFault = null;
      await expect(writer.flush()).rejects.toBe(AWAY);
      expect([here.marked.size, store.marked.size]).toEqual([0, 1]);
      store.marksFault = AWAY;
      await expect(writer.flush()).rejects.toBe(AWAY);
      expect([here.marked.size, store.marked.size]).toEqual([0, 1]);
    });

    it('loses what the next start on this machine counts, once', async () => {
      writer.record(row());
      await expect(writer.flush()).rejects.toBe(AWAY);
      jest.useFakeTimers();
      try {
        const next = new UsageWriter(store, store, () => now, TIMES, here); // the first one was killed
        next.start();
        await jest.advanceTimersByTimeAsync(10 * TIMES.lostAfter);
        expect(next.lostBatches).toBe(1);
        expect(here.marked.size).toBe(0);
        store.fault = store.marksFault = null;
        await next.stop();
      } finally {
        jest.useRealTimers();
      }
    });
  });

  it('writes by itself, again and again', async () => {
    jest.useFakeTimers();
    try {
      writer.start();
      for (let n = 1; n <= 3; n += 1) {
        writer.record(row());
        await jest.advanceTimersByTimeAsync(TIMES.writeEvery);
        expect(store.requests).toBe(n);
      }
    } finally {
      jest.useRealTimers();
    }
  });

  it('sweeps what is older than fourteen full months', async () => {
    jest.useFakeTimers();
    try {
      const swept = new UsageWriter(store, store, () => Date.UTC(2026, 0, 31), { ...TIMES, writeEvery: 600_000 });
      swept.start();
      await jest.advanceTimersByTimeAsync(3_600_000);
      expect(store.swept).toEqual(['2024-11']);
      await swept.stop();
    } finally {
      jest.useRealTimers();
    }
  });

  it('writes the rest at the end, and leaves no mark', async () => {
    writer.record(row());
    await writer.stop();
    expect([store.requests, store.marked.size, store.closed.length]).toEqual([1, 0, 1]);
  });

  it('leaves its mark for others to find when the rest cannot be written', async () => {
    writer.record(row());
    await setImmediate();
    store.fault = { error: AWAY };
    await writer.stop();
    expect([store.requests, store.marked.size, store.closed.length]).toEqual([0, 1, 0]);
    store.fault = null;
  });
});

describe('LostWriters', () => {
  const AFTER = 60_000;
  let store: StoreInMemory;
  let now: number;
  let lost: LostWriters;
  beforeEach(() => {
    store = new StoreInMemory();
    now = 0;
    lost = new LostWriters(store, 'me', AFTER, () => now);
  });

  const lookAt = async (at: number) => {
    now = at;
    await lost.look();
    return lost.count;
  };

  it('counts a replica whose mark is not renewed any more, once', async () => {
    await store.set('dead', 'then');
    expect(await lookAt(0)).toBe(0);
    expect(await lookAt(AFTER - 1)).toBe(0);
    expect(await lookAt(AFTER)).toBe(1);
    expect(await lookAt(3 * AFTER)).toBe(1);
    expect(store.marked.size).toBe(0);
  });

  it('counts neither one that renews its mark nor itself', async () => {
    await store.set('me', 'then');
    for (let at = 0; at < 5 * AFTER; at += AFTER / 2) {
      await store.set('alive', 'then');
      expect(await lookAt(at)).toBe(0);
    }
  });

  it('begins anew after a time in which nobody could renew', async () => {
    await store.set('cut off', 'then');
    await lookAt(0);
    store.fault = { error: AWAY };
    await expect(lookAt(AFTER)).rejects.toBe(AWAY);
    store.fault = null;
    expect(await lookAt(2 * AFTER)).toBe(0);
    expect(await lookAt(3 * AFTER)).toBe(1);
  });

  it('two that look count it once', async () => {
    const other = new LostWriters(store, 'other', AFTER, () => now);
    await store.set('dead', 'then');
    await Promise.all([lost.look(), other.look()]);
    now = AFTER;
    await Promise.all([lost.look(), other.look()]);
    expect(lost.count + other.count).toBe(1);
  });
});
