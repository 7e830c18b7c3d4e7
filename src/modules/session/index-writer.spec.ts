import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import { IndexWriter } from './index-writer.js';
import type { SessionIndex } from './session-index.js';
import type { StoredTurn } from './stored-turn.js';
import type { TurnStore } from './turn-store.js';

const KEY = { tenant: 'acme', sessionId: 's' };
const TURN = { turn: { id: '1', at: '2026-01-01T00:00:00.000Z' }, expiresAt: Infinity, bytes: 1 } as StoredTurn;
const ERASED_LATER = Date.parse(TURN.turn.at) + 1;

describe('IndexWriter', () => {
  const record = jest.fn<() => Promise<void>>();
  const erasedAt = jest.fn<() => Promise<number | null>>();
  let writer: IndexWriter;
  beforeEach(() => {
    jest.resetAllMocks();
    record.mockResolvedValue();
    writer = new IndexWriter({ record } as unknown as SessionIndex, { erasedAt } as unknown as TurnStore);
  });
  afterEach(() => writer.close());

  it('records a turn that comes fresh from its store without asking that store', async () => {
    writer.record(KEY, TURN);
    await writer.flush(1_000);
    expect(record).toHaveBeenCalledTimes(1);
    expect(erasedAt).not.toHaveBeenCalled();
  });

  it('leaves out a turn that waited while its session was erased elsewhere', async () => {
    record.mockRejectedValueOnce(new StoreUnavailable('away'));
    erasedAt.mockResolvedValue(ERASED_LATER);
    writer.record(KEY, TURN);
    await delay(60);
    await writer.flush(1_000);
    expect(erasedAt).toHaveBeenCalledTimes(1);
    expect(record).toHaveBeenCalledTimes(1);
  });

  it('records a turn that waited while nobody can tell', async () => {
    record.mockRejectedValueOnce(new StoreUnavailable('away'));
    erasedAt.mockRejectedValue(new StoreUnavailable('away'));
    writer.record(KEY, TURN);
    await delay(60);
    await writer.flush(1_000);
    expect(record).toHaveBeenCalledTimes(2);
  });
});
