import { redisInsStore } from 'cache-manager-ioredis-yet';
import { StoreUnavailable } from '../../src/common/store-unavailable.js';
import { guardedTextStore, type TextStore } from '../../src/modules/cache/adapters/guarded-text-store.js';
import { redisClusterPlace, redisPlace } from '../support/redis-place.js';

const own = globalThis as { probed?: string };
const RUNS = '_function_x|function x(r){globalThis.probed=\\"ran\\";if(r)r(\\"[1]\\")}';

/** Values that somebody who can write to Redis may leave there; each gets something past a look at its first characters. */
const PROBES: readonly (readonly [string, string])[] = [
  ['a plain object with a function', `{"then":"${RUNS}"}`],
  ['a second value under the same name', `"x","v":{"then":"${RUNS}"}`],
  ['a function with an escaped beginning', String.raw`"\u005ffunction_x|function x(r){return 1}"`],
  ['a further property', `"[1]","w":{"then":"${RUNS}"}`],
];
const FOREIGN: readonly (readonly [string, string])[] = [
  ...PROBES,
  ['a function', `"${RUNS}"`],
  ['a date', '"_date_2020-01-01T00:00:00.000Z"'],
  ['a symbol', '"_symbol_a:b"'],
  ['an object', '{"choices":[]}'],
  ['a list', '[1]'],
  ['a number', '1'],
  ['null', 'null'],
  ['nothing', ''],
  ['a string that is no JSON', '"hello"'],
  ['a string that begins like JSON', '"{not json"'],
  ['a JSON text that is a string', '"\\"_function_x|y\\""'],
  ['half a value', '"{}'],
  ['bytes', '\u0000\ufffd'],
];

describe.each([
  ['a redis-server', () => redisPlace()],
  ['a cluster of three', () => redisClusterPlace(3)],
] as const)('answers on %s behind the guard', (name, makePlace) => {
  const place = makePlace();
  let store: TextStore;
  let refused = 0;
  beforeEach(async () => {
    refused = 0;
    delete own.probed;
    store = await guardedTextStore(place.redis, () => (refused += 1));
  });
  const put = (key: string, raw: string) => place.redis.run((client) => client.set(key, raw));

  it.each(FOREIGN)('a value that is %s is none', async (_, raw) => {
    await put('probe', raw);
    expect(await store.get('probe')).toBeUndefined();
    expect(own.probed).toBeUndefined();
    expect(refused).toBe(1);
  });

  if (name === 'a redis-server') {
    it('without it the package runs what it reads', async () => {
      await put('probe', PROBES[1]![1]);
      const bare = await place.redis.run(async (client) => redisInsStore(client as never) as unknown as TextStore);
      await bare.get('probe');
      expect(own.probed).toBe('ran');
    });
  }

  it.each(['list', 'hash', 'set'])('a %s under the name is none', async (kind) => {
    const put = { list: ['lpush', 'a'], hash: ['hset', 'a', 'b'], set: ['sadd', 'a'] }[kind] as [string, ...string[]];
    await place.redis.run((client) => client.call(put[0], 'probe', ...put.slice(1)));
    expect(await store.get('probe')).toBeUndefined();
    expect(refused).toBe(1);
  });

  it.each(['{"a":"_function_x|y","b":"\\u2028 é😀 \\n"}', '[9223372036854775807,"_date_2020"]', '[]', '{}'])(
    'the text %s comes back as it was',
    async (text) => {
      await store.set('text', text, 60_000);
      expect(await store.get('text')).toBe(text);
      expect(refused).toBe(0);
    },
  );

  it.each(['', 'x', '"text"', '1', '{"a":', '_function_x|function(){}'])('the text %s is not stored', async (text) => {
    await expect(store.set('text', text, 60_000)).rejects.toThrow(TypeError);
    await expect(store.set('text', [text] as never, 60_000)).rejects.toThrow(TypeError);
    expect(await store.get('text')).toBeUndefined();
  });

  it('lives as long as it is told, and can be deleted', async () => {
    await store.set('text', '{}', 60_000);
    const left = await place.redis.run((client) => client.pttl('text'));
    expect(left).toBeGreaterThan(59_000);
    await store.del('text');
    expect(await store.get('text')).toBeUndefined();
    expect(refused).toBe(0);
  });
});

describe('answers while Redis is away', () => {
  const place = redisPlace();

  it('cannot be read, written or deleted, and are there when it is back', async () => {
    const store = await guardedTextStore(place.redis, () => undefined);
    await store.set('text', '{}', 60_000);
    place.servers.freeze();
    try {
      await expect(store.get('text')).rejects.toThrow(StoreUnavailable);
      await expect(store.set('text', '{}', 1)).rejects.toThrow(StoreUnavailable);
      await expect(store.del('text')).rejects.toThrow(StoreUnavailable);
    } finally {
      place.servers.thaw();
    }
  });
});
