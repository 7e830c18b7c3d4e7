import { MemoryHotTail } from '../../src/modules/session/adapters/memory.hot-tail.js';
import { RedisHotTail } from '../../src/modules/session/adapters/redis.hot-tail.js';
import { redisClusterPlace, redisPlace } from '../support/redis-place.js';
import { eventually } from '../support/router-calls.js';
import { describeHotTail, MAX_TURNS, TTL_MS } from './hot-tail.contract.js';
import { KEY, storedTurn, TestClock } from './session-samples.js';

const LIMITS = { ttlMs: TTL_MS, maxTurns: MAX_TURNS };
const BOUNDS = { maxSessions: 100, maxBytes: 1_000_000 };

describeHotTail('memory', () => {
  const clock = new TestClock();
  return { clock, tail: new MemoryHotTail(() => LIMITS, undefined, clock.now) };
});

describe('memory hot tail', () => {
  const key = (n: number) => ({ tenant: 'acme', sessionId: `s${n}` });
  const create = (changes: Partial<typeof BOUNDS>, foreignWrites?: () => number) => {
    const clock = new TestClock();
    return new MemoryHotTail(() => LIMITS, foreignWrites, clock.now, { ...BOUNDS, ...changes });
  };
  const sessionsHeld = async (tail: MemoryHotTail, of: number) => {
    const readings = await Promise.all(Array.from({ length: of }, (_, n) => tail.read(key(n))));
    return readings.flatMap(({ turns }, n) => (turns.length > 0 ? [n] : []));
  };

  it('keeps the most recently used sessions when there are too many', async () => {
    const tail = create({ maxSessions: 3 });
    for (const n of [0, 1, 2]) await tail.append(key(n), storedTurn(n), true);
    await tail.read(key(0));
    for (const n of [3, 4]) await tail.append(key(n), storedTurn(n), true);
    expect(await sessionsHeld(tail, 5)).toEqual([0, 3, 4]);
  });

  it('keeps within its bytes, and gives them back on erase', async () => {
    const { bytes } = storedTurn(0);
    const tail = create({ maxBytes: 3 * bytes });
    for (const n of [0, 1, 2, 3]) await tail.append(key(n), storedTurn(n), true);
    expect(await sessionsHeld(tail, 4)).toEqual([1, 2, 3]);
    await tail.erase(key(2), Date.now());
    await tail.append(key(0), storedTurn(0), true);
    expect(await sessionsHeld(tail, 4)).toEqual([0, 1, 3]);
  });

  it('reads saved turns again after another process wrote, and keeps the unsaved ones', async () => {
    let writes = 1;
    const tail = create({}, () => writes);
    await tail.fill(KEY, [storedTurn(1)], (await tail.read(KEY)).mark);
    await tail.append(KEY, storedTurn(2), false);
    writes = 2;
    expect(await tail.read(KEY)).toMatchObject({ turns: [storedTurn(2)], complete: false });
  });

  it('adds nothing that was read before another process wrote', async () => {
    let writes = 1;
    const tail = create({}, () => writes);
    const { mark } = await tail.read(KEY);
    writes = 2;
    await tail.fill(KEY, [storedTurn(1)], mark);
    expect(await tail.read(KEY)).toMatchObject({ turns: [], complete: false });
  });

  it('asks for more when sessions.maxTurns grew', async () => {
    let maxTurns = 2;
    const tail = new MemoryHotTail(() => ({ ...LIMITS, maxTurns }), undefined, new TestClock().now);
    await tail.fill(KEY, [storedTurn(1), storedTurn(2)], (await tail.read(KEY)).mark);
    maxTurns = 3;
    expect((await tail.read(KEY)).complete).toBe(false);
  });
});

describe('on a real redis-server', () => {
  const place = redisPlace();

  const create = async () => {
    const clock = new TestClock();
    return { clock, tail: new RedisHotTail(place.redis, () => ({ ttlMs: TTL_MS, maxTurns: MAX_TURNS }), clock.now) };
  };
  describeHotTail('Redis', create);

  it('is not complete when Redis has evicted the turns and kept the rest', async () => {
    const { tail } = await create();
    await tail.fill(KEY, [storedTurn(1)], (await tail.read(KEY)).mark);
    expect((await tail.read(KEY)).complete).toBe(true);
    await place.redis.run((client) => client.del('{acme:one}:turns'));
    expect(await tail.read(KEY)).toMatchObject({ turns: [], complete: false });
    await tail.append(KEY, storedTurn(2), true);
    expect((await tail.read(KEY)).complete).toBe(false);
  });

  it('keeps sessions apart whose names join to the same text', async () => {
    const { tail } = await create();
    await tail.append({ tenant: 'a:b', sessionId: 'c' }, storedTurn(1), true);
    expect((await tail.read({ tenant: 'a', sessionId: 'b:c' })).turns).toEqual([]);
  });

  it('forgets a list that missed a turn as soon as Redis is back', async () => {
    const { tail } = await create();
    await tail.fill(KEY, [storedTurn(1)], (await tail.read(KEY)).mark);
    place.servers.freeze();
    await tail.append(KEY, storedTurn(2), true); // 250 ms
    expect(await tail.read(KEY)).toMatchObject({ usable: false, complete: false });
    place.servers.thaw();
    await eventually('Redis is usable', 5_000, async () => (await tail.read(KEY)).usable);
    expect((await tail.read(KEY)).complete).toBe(false);
    await eventually('a fill holds again', 5_000, async () => {
      await tail.fill(KEY, [storedTurn(1), storedTurn(2)], (await tail.read(KEY)).mark);
      return (await tail.read(KEY)).complete;
    });
    expect((await tail.read(KEY)).turns).toHaveLength(2);
    await tail.close();
  });
});

describe('on a Redis cluster', () => {
  const place = redisClusterPlace(1);

  describeHotTail('Redis cluster', async () => {
    const clock = new TestClock();
    return { clock, tail: new RedisHotTail(place.redis, () => ({ ttlMs: TTL_MS, maxTurns: MAX_TURNS }), clock.now) };
  });
});
