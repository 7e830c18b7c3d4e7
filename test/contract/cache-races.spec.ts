import type { Redis } from 'ioredis';
import { EventBus } from '@nestjs/cqrs';
import { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { StoreUnavailable } from '../../src/common/store-unavailable.js';
import { AnswerGeneratedEvent } from '../../src/modules/chat/chat.messages.js';
import { type RedisAnswerStore } from '../../src/modules/cache/adapters/redis.answer-store.js';
import { RedisGenerationLeases } from '../../src/modules/cache/adapters/redis.generation-leases.js';
import { SharedAnswers } from '../../src/modules/cache/shared-answers.js';
import { LeavingCaller } from '../support/leaving-caller.js';
import { RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually, jsonOf } from '../support/router-calls.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { heldAfter } from '../support/upstream-twists.js';
import type { Completion } from '../../src/common/chat.js';

const TENANTS = 20;
const NO_CACHE = { 'cache-control': 'no-cache' };

/** Of any object: the next call of a method waits for the test, which is told its first argument. */
function holdNextCall<T extends object>(of: T, method: string): { reached: Promise<unknown>; goOn: () => void } {
  const own = of as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const real = own[method]!.bind(of);
  const [reached, go] = [Promise.withResolvers<unknown>(), Promise.withResolvers<void>()];
  own[method] = async (...args) => {
    own[method] = real;
    reached.resolve(args[0]);
    await go.promise;
    return real(...args);
  };
  return { reached: reached.promise, goOn: go.resolve };
}

describe('what happens at the same moment, on replicas that share a redis-server', () => {
  let upstream: UpstreamServer;
  let redis: RedisServer;
  let client: Redis;
  let one: RouterApp;
  let two: RouterApp;
  let questions = 0;
  const start = async () => {
    const router = await startRouter(
      inOrder([targetOn(upstream, { concurrency: 100 })], {
        cache: { secret: 'a secret of sixteen or more' },
        redis: { url: redis.url },
        limits: GENEROUS,
        resilience: { retries: 0 },
        auth: {
          keys: Array.from({ length: TENANTS }, (_, n) =>
            keyFor(`key-${n}`, { tenant: `t${n}`, scopes: ['chat', 'admin'] }),
          ),
        },
      }),
    );
    await eventually('it has Redis', 5_000, () => router.app.get(RedisConnection, { strict: false }).usable);
    return router;
  };
  beforeAll(async () => {
    [upstream, redis] = await Promise.all([UpstreamServer.start(), RedisServer.start()]);
    client = redis.client();
    [one, two] = await Promise.all([start(), start()]);
  });
  beforeEach(async () => {
    upstream.reset();
    questions += 1;
    await client.flushall();
  });
  afterAll(async () => {
    client.disconnect();
    await Promise.all([one.close(), two.close()]);
    await Promise.all([redis.close(), upstream.close()]);
  });

  /** Of a tenant of the test's own: what was forgotten lately concerns no other. */
  const key = () => ({ authorization: `Bearer key-${questions}` });
  const bodyOf = () => ({ model: 'auto', messages: [{ role: 'user', content: `question ${questions}` }] });
  const got = async (router: RouterApp, headers: Record<string, string> = {}) => {
    const response = await chat(router, bodyOf(), { ...key(), ...headers });
    const { choices } = await jsonOf<Completion>(response);
    return [response.headers.get('x-router-cache'), choices?.[0]?.message?.content];
  };
  const forget = async (router: RouterApp) =>
    (await fetch(`${router.url}/admin/cache`, { method: 'DELETE', headers: key() })).status;
  const entries = async () => (await client.keys('cache:answer:*')).length;
  const kept = () => eventually('it is in Redis', 2_000, async () => (await entries()) === 1);
  const storeOf = (router: RouterApp) =>
    router.app.get<unknown, { store: RedisAnswerStore }>(SharedAnswers, { strict: false }).store;

  it.each(['write', 'enter'])(
    'an answer that is forgotten between two steps of being shared (%s) does not come back',
    async (step) => {
      upstream.script(answer('old'));
      upstream.always(answer('new'));
      const held = holdNextCall(storeOf(one), step);
      expect(await got(one)).toEqual(['MISS', 'old']);
      const name = String(await held.reached);
      expect(await forget(one)).toBe(200);
      held.goOn();
      await eventually('it is gone, after it was there', 2_000, async () => {
        const there = await client.exists(`cache:answer:{${name}}`);
        return there === 0 && (await client.zscore(`{cache:t${questions}}:model:auto`, name)) !== null;
      });
      expect(await got(one)).toEqual(['MISS', 'new']);
      expect((await got(two))[1]).toBe('new');
    },
  );

  it('an answer that is read from Redis while it is forgotten is not kept in memory', async () => {
    upstream.script(answer('old'));
    upstream.always(answer('new'));
    await got(one);
    await kept();
    const held = holdNextCall(storeOf(two), 'read');
    const reading = got(two);
    await held.reached;
    expect(await forget(two)).toBe(200);
    held.goOn();
    await reading;
    expect((await got(two))[1]).toBe('new');
  });

  it('an answer that another replica has made before it heard of the DELETE is not taken over', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.script(answer('old', {}, heldAfter(0, gate.promise)));
    upstream.always(answer('new'));
    const making = got(two);
    await upstream.received();
    expect(await forget(one)).toBe(200);
    gate.resolve();
    expect(await making).toEqual(['MISS', 'old']);
    expect((await got(one))[1]).toBe('new');
    await eventually('nobody has it any more', 1_500, async () => (await got(two))[1] === 'new');
  });

  it('no-cache replaces the answer in the memory of every replica', async () => {
    upstream.script(answer('old'), answer('new'));
    expect(await got(one)).toEqual(['MISS', 'old']);
    await kept();
    expect(await got(two)).toEqual(['HIT', 'old']);
    expect(await got(one, NO_CACHE)).toEqual(['BYPASS', 'new']);
    await eventually('the other one has the new one', 1_000, async () => (await got(two))[1] === 'new');
    redis.freeze();
    try {
      expect([await got(one), await got(two)]).toEqual([
        ['HIT', 'new'],
        ['HIT', 'new'],
      ]);
    } finally {
      redis.thaw();
    }
    expect(upstream.requests).toHaveLength(2);
    await eventually('Redis is there again', 5_000, () =>
      [one, two].every(({ app }) => app.get(RedisConnection, { strict: false }).usable),
    );
  });

  it('a caller who goes gives the lease of nobody else away', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer('text', {}, heldAfter(0, gate.promise)));
    const leader = got(one);
    await upstream.received();
    const other = await LeavingCaller.send(one, '/v1/chat/completions', bodyOf(), { ...key(), ...NO_CACHE });
    await upstream.received(1);
    await other.leave();
    await upstream.ended(1);
    const waiting = got(two);
    await eventually('it waits for the lease', 2_000, async () => {
      const [lease] = await client.keys('cache:lease:*');
      return lease !== undefined && (await client.get(lease))?.startsWith('w') === true;
    });
    gate.resolve();
    expect([await leader, await waiting]).toEqual([
      ['MISS', 'text'],
      ['SHARED', 'text'],
    ]);
    expect(upstream.requests).toHaveLength(2);
  });

  it('a lease that is taken while the entry cannot be read is given back', async () => {
    const store = storeOf(one) as unknown as { read: () => Promise<unknown> };
    const real = store.read.bind(store);
    store.read = () => Promise.reject(new StoreUnavailable('redis: no answer within 250 ms'));
    expect(await got(one)).toEqual(['MISS', 'Hello from upstream']);
    store.read = real;
    await eventually('nobody holds it', 1_000, async () => (await client.keys('cache:lease:*')).length === 0);
  });

  it('every generation tells its end once, however it ends', async () => {
    const bus = one.app.get(EventBus);
    const publish = bus.publish.bind(bus);
    const told: unknown[] = [];
    bus.publish = (event: object) => {
      if (event instanceof AnswerGeneratedEvent) told.push(event.answer.completion === null);
      return publish(event);
    };
    try {
      await got(one);
      upstream.always(answer('text', {}, heldAfter(0, new Promise<void>(() => undefined))));
      questions += 1;
      const caller = await LeavingCaller.send(one, '/v1/chat/completions', bodyOf(), key());
      await upstream.received(1);
      await caller.leave();
      await upstream.ended(1);
      await eventually('it has ended', 1_000, () => told.length === 2);
      expect(told).toEqual([false, true]);
      await eventually('no lease is left', 1_000, async () => (await client.keys('cache:lease:*')).length === 0);
    } finally {
      bus.publish = publish;
    }
  });

  it('news that could not be acted on come again, and memory forgets them at once', async () => {
    upstream.script(answer('old'));
    upstream.always(answer('new'));
    await got(one);
    await kept();
    expect(await got(two)).toEqual(['HIT', 'old']);
    const store = storeOf(two) as unknown as { forget: (what: unknown) => Promise<number> };
    const real = store.forget.bind(store);
    const swept: unknown[] = [];
    store.forget = async (what) => {
      swept.push(what);
      if (swept.length === 1) throw new StoreUnavailable('redis: no answer within 250 ms');
      return real(what);
    };
    expect(await forget(one)).toBe(200);
    await eventually('it was tried again', 2_500, () => swept.length >= 2);
    store.forget = real;
    expect((await got(two))[1]).toBe('new');
  });

  it('a lease is renewed as long as its generation runs', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer('text', {}, heldAfter(0, gate.promise)));
    const running = got(one);
    await upstream.received();
    const [lease] = await client.keys('cache:lease:*');
    const other = new RedisGenerationLeases(one.app.get(RedisConnection, { strict: false }));
    const begun = performance.now();
    await eventually('longer than a lease lives', 4_000, async () => {
      expect((await other.claim(lease!.slice('cache:lease:{'.length, -1))).isOurs).toBe(false);
      return performance.now() - begun > 2_500;
    });
    gate.resolve();
    expect(await running).toEqual(['MISS', 'text']);
  });
});
