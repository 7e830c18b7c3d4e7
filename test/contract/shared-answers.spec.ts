import type { RedisClient } from '../../src/common/redis/adapters/redis-client.js';
import { RedisAnswerStore, type EntryOwner } from '../../src/modules/cache/adapters/redis.answer-store.js';
import { RedisGenerationLeases } from '../../src/modules/cache/adapters/redis.generation-leases.js';
import { redisClusterPlace, redisPlace } from '../support/redis-place.js';
import { eventually } from '../support/router-calls.js';

const LONG = 60_000;
const ACME = { tenant: 'acme', askedModel: 'auto', sessionId: null };
const FAST = { ...ACME, askedModel: 'fa}st' };
const OTHER = { ...ACME, tenant: 'o{th:er' };
const TALK = { ...ACME, sessionId: 's1' };

/** Everything on every node. */
async function flushed(client: RedisClient): Promise<void> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client];
  await Promise.all(nodes.map((node) => node.flushall()));
}

describe.each([
  ['a redis-server', () => redisPlace()],
  ['a cluster of three', () => redisClusterPlace(3)],
] as const)('answers and leases on %s', (_, makePlace) => {
  const place = makePlace();
  let store: RedisAnswerStore;
  beforeEach(() => {
    store = new RedisAnswerStore(place.redis);
  });
  const put = async (name: string, text: string, ttlMs: number, owner: EntryOwner) => {
    await store.write(name, text, ttlMs);
    await store.enter(name, ttlMs, owner);
  };
  const write = async () => {
    const owners = { acme: ACME, fast: FAST, other: OTHER, talk: TALK };
    for (const [name, owner] of Object.entries(owners)) await put(name, `["${name}"]`, LONG, owner);
  };
  const left = async () => {
    const names = ['acme', 'fast', 'other', 'talk'];
    const texts = await Promise.all(names.map((name) => store.read(name)));
    return names.filter((__, i) => texts[i] !== null);
  };

  it.each([
    [{ tenant: 'acme', model: null }, 3, ['other']],
    [{ tenant: 'acme', model: 'fa}st' }, 1, ['acme', 'other', 'talk']],
    [{ tenant: null, model: 'auto' }, 3, ['fast']],
    [{ tenant: null, model: null }, 4, []],
    [{ tenant: 'nobody', model: null }, 0, ['acme', 'fast', 'other', 'talk']],
    [{ tenant: 'acme', sessionId: 's1' }, 1, ['acme', 'fast', 'other']],
    [{ tenant: 'o{th:er', sessionId: 's1' }, 0, ['acme', 'fast', 'other', 'talk']],
  ])('are forgotten by %j', async (what, count, remaining) => {
    await write();
    expect(await store.forget(what)).toBe(count);
    expect(await left()).toEqual(remaining);
    expect(await store.forget(what)).toBe(0);
  });

  it('are found again after Redis has lost all of it', async () => {
    await write();
    await place.redis.run((client) => flushed(client));
    await put('again', '{}', LONG, ACME);
    expect(await store.forget({ tenant: null, model: null })).toBe(1);
    expect(await store.read('again')).toBeNull();
  });

  it('survive what somebody else has put under the names of the lists', async () => {
    for (const key of ['{cache}:tenants', '{cache:acme}:models', '{cache:acme}:model:auto'])
      await place.redis.run((client) => client.set(key, 'not a set'));
    expect(await store.forget({ tenant: null, model: null })).toBe(0);
    expect(await store.forget({ tenant: 'acme', model: 'auto' })).toBe(0);
    await put('acme', '{}', LONG, ACME);
    expect(await store.forget({ tenant: null, model: null })).toBe(1);
  });

  it('are forgotten by the thousand, by a replica that has written none of them', async () => {
    await Promise.all(Array.from({ length: 1_200 }, (__, n) => put(`n${n}`, '{}', LONG, ACME)));
    const another = new RedisAnswerStore(place.redis);
    expect(await another.forget({ tenant: null, model: null })).toBe(1_200);
    expect(await store.read('n1199')).toBeNull();
  });

  it('are in a list of tenants that ends after the last of them, however their lives differ', async () => {
    await put('short', '{}', 10_000, ACME);
    await put('long', '{}', 100_000, ACME);
    const list = await place.redis.run((client) => client.pttl('{cache}:tenants'));
    expect(list).toBeGreaterThan(100_000);
  });

  it('leave nothing behind that grows: what has expired leaves the lists, and the lists expire', async () => {
    await put('short', '{}', 1, TALK);
    await eventually('it is gone', 2_000, async () => (await store.read('short')) === null);
    await put('long', '{}', LONG, TALK);
    for (const list of ['models', 'model:auto', 'session:s1']) {
      const key = `{cache:acme}:${list}`;
      const [members, ttl] = await place.redis.run((client) =>
        Promise.all([client.zrange(key, 0, -1), client.pttl(key)]),
      );
      expect(members).toEqual([list === 'models' ? 'auto' : 'long']);
      expect(ttl).toBeGreaterThan(LONG / 2);
    }
  });

  describe('a lease', () => {
    const leases = () => new RedisGenerationLeases(place.redis);

    it('is of one at a time', async () => {
      const [first, second, another] = [
        await leases().claim('n'),
        await leases().claim('n'),
        await leases().claim('m'),
      ];
      expect(first).toMatchObject({ isOurs: true });
      expect(second).toMatchObject({ isOurs: false, owner: first.owner, leftMs: expect.any(Number) });
      expect(another.isOurs).toBe(true);
    });

    it('ends within 2 s unless it is renewed, which only its owner can', async () => {
      const { owner } = await leases().claim('n');
      const begun = performance.now();
      await leases().renew('n', 'a stranger');
      await eventually('another one has it', 2_000, async () => (await leases().claim('n')).isOurs);
      expect(performance.now() - begun).toBeGreaterThan(1_000);
      await leases().renew('n', owner);
      await leases().release('n', owner);
      expect((await leases().claim('n')).isOurs).toBe(false);
    });

    it('is not made anew by a renewal that comes late', async () => {
      const { owner } = await leases().claim('n');
      await leases().release('n', owner);
      await leases().renew('n', owner);
      expect((await leases().claim('n')).isOurs).toBe(true);
    });

    it('tells those who wait of its end, and nobody of one for which nobody waits', async () => {
      const told: string[] = [];
      leases().listen((name) => told.push(name));
      await eventually('it listens', 2_000, async () => {
        const one = await leases().claim('probe');
        await leases().claim('probe');
        await leases().release('probe', one.owner);
        return told.includes('probe');
      });
      const alone = await leases().claim('alone');
      await leases().release('alone', alone.owner);
      const awaited = await leases().claim('awaited');
      await leases().claim('awaited');
      await leases().release('awaited', awaited.owner);
      await eventually('word has come', 2_000, () => told.includes('awaited'));
      expect(told).not.toContain('alone');
    });

    it('takes the place of a list under its name', async () => {
      await place.redis.run((client) => client.lpush('cache:lease:{n}', 'x'));
      expect(await leases().claim('n')).toMatchObject({ isOurs: true });
      expect(await leases().claim('n')).toMatchObject({ isOurs: false });
    });

    it('that somebody else has put there ends like any', async () => {
      await place.redis.run((client) => client.set('cache:lease:{n}', 'for ever'));
      expect(await leases().claim('n')).toMatchObject({ isOurs: false, leftMs: expect.any(Number) });
      await eventually('it has ended', 2_500, async () => (await leases().claim('n')).isOurs);
    });
  });
});
