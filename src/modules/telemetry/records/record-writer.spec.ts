import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { StoreUnavailable } from '../../../common/store-unavailable.js';
import { RecordWriter } from './record-writer.js';
import {
  MOST_ENTRIES_OF_BATCH,
  RequestRecords,
  type KeptRecord,
  type RecordBatch,
  type RecordEntry,
} from './request-records.js';

/** As ioredis throws what Redis replies. */
const refusal = Object.assign(new Error('WRONGTYPE Operation against a key of alice'), { name: 'ReplyError' });

/** A store that may be away, or lose its reply. */
class StoreInMemory extends RequestRecords {
  fault: 'away' | 'lost' | 'refuses' | null = null;
  readonly batches: RecordBatch[] = [];

  get ids(): string[] {
    const taken = new Map(this.batches.map((batch) => [batch.number, batch]));
    return [...taken.values()].flatMap(({ entries }) => entries.map(({ requestId }) => requestId));
  }

  async add(batch: RecordBatch): Promise<void> {
    if (this.fault === 'refuses') throw new StoreUnavailable('redis: refused', { cause: refusal });
    if (this.fault !== 'away') this.batches.push(batch);
    if (this.fault) throw new StoreUnavailable('test: away');
  }

  find = async (): Promise<KeptRecord | null> => null;
  page = async (): Promise<KeptRecord[]> => [];
  judge = async (): Promise<boolean> => false;
}

const entry = (n: number, text = '{}'): RecordEntry => ({ owner: 'alice', requestId: `r${n}`, text });
const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `r${from + i}`);

describe('the writer of request records', () => {
  let store: StoreInMemory;
  let writer: RecordWriter;
  let keep: number;
  beforeEach(() => {
    jest.useFakeTimers();
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    keep = 500;
    store = new StoreInMemory();
    writer = new RecordWriter(store, () => keep);
    writer.start();
  });
  afterEach(async () => {
    store.fault = null;
    await writer.stop();
    jest.useRealTimers();
    jest.restoreAllMocks();
  });
  const record = (from: number, to: number): void => {
    for (let n = from; n < to; n += 1) writer.record(entry(n));
  };

  it('gathers for 20 ms, and writes what is a whole batch at once', async () => {
    record(0, 5);
    await jest.advanceTimersByTimeAsync(15);
    expect(store.batches).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(10);
    expect(store.batches.map(({ entries }) => entries.length)).toEqual([5]);
    record(5, 5 + MOST_ENTRIES_OF_BATCH);
    await jest.advanceTimersByTimeAsync(0);
    expect(store.ids).toEqual(range(0, 5 + MOST_ENTRIES_OF_BATCH));
    expect([writer.unwritten, writer.written, writer.dropped]).toEqual([0, 5 + MOST_ENTRIES_OF_BATCH, 0]);
  });

  it('tells a batch again as it was while its reply is lost, and what comes meanwhile later', async () => {
    store.fault = 'lost';
    record(0, 3);
    await jest.advanceTimersByTimeAsync(25);
    record(3, 6);
    await jest.advanceTimersByTimeAsync(1_200);
    expect(store.batches.length).toBeGreaterThan(2);
    for (const batch of store.batches) expect(batch).toEqual(store.batches[0]);
    expect(writer.unwritten).toBe(6);
    store.fault = null;
    await jest.advanceTimersByTimeAsync(600);
    expect(store.ids).toEqual(range(0, 6));
    expect([writer.unwritten, writer.written]).toEqual([0, 6]);
  });

  it('knows what waits, the newest of each', async () => {
    store.fault = 'away';
    record(0, 3);
    await jest.advanceTimersByTimeAsync(25);
    writer.record(entry(1, '{"again":true}'));
    expect(writer.find('alice', 'r0')?.text).toBe('{}');
    expect(writer.find('alice', 'r1')?.text).toBe('{"again":true}');
    expect(writer.find('alice', null)?.requestId).toBe('r1');
    expect([writer.find('alice', 'r7'), writer.find('bob', 'r0'), writer.find('bob', null)]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('holds 10,000 at most, drops the oldest and counts them, and says so once', async () => {
    store.fault = 'away';
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    record(0, 10);
    await jest.advanceTimersByTimeAsync(25);
    record(10, 25_000);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(writer.unwritten).toBeLessThanOrEqual(10_000 + 10);
    expect(writer.unwritten + writer.dropped).toBe(25_000);
    expect(warn).toHaveBeenCalledTimes(1);
    store.fault = null;
    await writer.flush();
    const { written } = writer;
    expect(store.ids).toEqual([...range(0, 10), ...range(25_000 - written + 10, 25_000)]);
    expect(written + writer.dropped).toBe(25_000);
  });

  it('tells once that a store refuses them, in our own words, and once that it takes them again', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const log = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    store.fault = 'refuses';
    record(0, 3);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(warn.mock.calls.map(([line]) => String(line))).toEqual([expect.stringMatching(/refuses.*\(WRONGTYPE\)/)]);
    store.fault = null;
    await jest.advanceTimersByTimeAsync(5_000);
    expect(log.mock.calls.map(([line]) => String(line))).toEqual([expect.stringMatching(/taken again, after \d/)]);
    expect(store.ids).toEqual(range(0, 3));
  });

  it('holds 16 MB at most', async () => {
    store.fault = 'away';
    for (let n = 0; n < 6_000; n += 1) writer.record(entry(n, 'x'.repeat(10_000)));
    expect(writer.unwritten * 10_000).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(writer.find('alice', 'r5999')).not.toBeNull();
  });

  it('a flush waits for what was recorded before it, and not for what comes later', async () => {
    record(0, 300);
    const flushed = writer.flush();
    const coming = setInterval(() => record(1_000, 1_010), 0);
    await flushed;
    clearInterval(coming);
    expect(store.ids.slice(0, 300)).toEqual(range(0, 300));
  });

  it('a shutdown writes the rest when the store comes back in time, else tells that it is lost', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    store.fault = 'away';
    record(0, 3);
    const stopped = writer.stop();
    await jest.advanceTimersByTimeAsync(1_000);
    store.fault = null;
    await jest.advanceTimersByTimeAsync(200);
    await stopped;
    expect([store.ids, error.mock.calls.length]).toEqual([range(0, 3), 0]);
    store.fault = 'away';
    record(3, 5);
    const lost = writer.stop();
    await jest.advanceTimersByTimeAsync(6_000);
    await lost;
    expect(error).toHaveBeenCalledWith(expect.objectContaining({ requests: 2 }), expect.stringContaining('are lost'));
  });

  it('keeps nothing where nothing is to be kept', async () => {
    keep = 0;
    record(0, 5);
    await jest.advanceTimersByTimeAsync(600);
    expect([writer.unwritten, store.batches.length]).toEqual([0, 0]);
  });
});
