import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreUnavailable } from '../../src/common/store-unavailable.js';
import { MemoryTurnOutbox } from '../../src/modules/session/adapters/memory.turn-outbox.js';
import { RedisTurnOutbox } from '../../src/modules/session/adapters/redis.turn-outbox.js';
import { redisPlace } from '../support/redis-place.js';
import { FOREIGN_KEY, KEY, storedTurn } from './session-samples.js';
import { deliverAll, describeTurnOutbox, firstOf } from './turn-outbox.contract.js';

const ROOM = { maxTurns: 10, maxBytes: 1_000_000 };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'router-outbox-'));
  process.env['ROUTER_DATA_DIR'] = folder;
});
afterAll(() => {
  delete process.env['ROUTER_DATA_DIR'];
  rmSync(folder, { recursive: true });
});

describeTurnOutbox('memory', async () => new MemoryTurnOutbox(ROOM));

it('memory outbox: refuses what does not fit and keeps what it has', async () => {
  const { bytes } = storedTurn(1);
  const outbox = new MemoryTurnOutbox({ maxTurns: 10, maxBytes: 2 * bytes });
  for (const n of [1, 2]) expect(await outbox.put({ key: KEY, turn: storedTurn(n) })).toBe(false);
  await expect(outbox.put({ key: KEY, turn: storedTurn(3) })).rejects.toThrow(StoreUnavailable);
  expect(outbox.of(KEY)).toEqual([storedTurn(1), storedTurn(2)]);
});

it('memory outbox: forgets what a session had before it was erased elsewhere', async () => {
  const outbox = new MemoryTurnOutbox(ROOM);
  for (const n of [1, 2]) await outbox.put({ key: KEY, turn: storedTurn(n) });
  await outbox.put({ key: FOREIGN_KEY, turn: storedTurn(3) });
  outbox.forget(KEY, Date.parse(storedTurn(1).turn.at));
  expect([...outbox.of(KEY), ...outbox.of(FOREIGN_KEY)]).toEqual([storedTurn(2), storedTurn(3)]);
});

describe('on a real redis-server', () => {
  const place = redisPlace();

  describeTurnOutbox('Redis', async () => new RedisTurnOutbox(place.redis));

  it('claims what a dead replica had taken', async () => {
    const dead = new RedisTurnOutbox(place.redis);
    await dead.put({ key: KEY, turn: storedTurn(1) });
    await firstOf(dead);
    expect(await deliverAll(new RedisTurnOutbox(place.redis, 60_000))).toEqual([]);
    const heir = await deliverAll(new RedisTurnOutbox(place.redis, 0));
    expect(heir.map(({ turn }) => turn.turn.requestId)).toEqual(['req-1']);
  });

  it('does not call itself durable when Redis may evict any key', async () => {
    expect(await new RedisTurnOutbox(place.redis).put({ key: KEY, turn: storedTurn(1) })).toBe(true);
    await place.redis.run((client) => client.config('SET', 'maxmemory-policy', 'allkeys-lru'));
    await place.redis.run((client) => client.config('SET', 'maxmemory', '100mb'));
    expect(await new RedisTurnOutbox(place.redis).put({ key: KEY, turn: storedTurn(2) })).toBe(false);
  });
});
