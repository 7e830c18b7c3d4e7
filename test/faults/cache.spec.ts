import type { Redis } from 'ioredis';
import { CertificateAuthority } from '../support/certificates.js';
import { figure } from '../support/figure.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { chat, eventually, jsonOf, streamedText } from '../support/router-calls.js';
import { RouterProcess } from '../support/router-process.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { readinessOf } from '../support/store-stack.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { heldAfter } from '../support/upstream-twists.js';
import { words } from '../support/openai-answer.js';
import type { Completion } from '../../src/common/chat.js';

const SLOW = 120_000;
const SOON = 20_000;
const CROWD = 500;
const REPLICAS = 3;
const TEXT = words(30);
const KEY = { authorization: 'Bearer acme-key' };
const OTHER = { authorization: 'Bearer other-key' };

interface Got {
  readonly status: number;
  readonly cache: string | null;
  readonly text: string;
  readonly id: string | undefined;
  readonly age: string | null;
}

interface Place {
  readonly nodes: readonly RedisServer[];
  readonly url: string;
  readonly cluster: boolean;
  readonly env: Record<string, string>;
  close(): Promise<void>;
}

const PLACES: readonly (readonly [string, () => Promise<Place>])[] = [
  [
    'a redis-server',
    async () => {
      const server = await RedisServer.start();
      return { nodes: [server], url: server.url, cluster: false, env: {}, close: () => server.close() };
    },
  ],
  [
    'a redis-server with TLS',
    async () => {
      const authority = await CertificateAuthority.create();
      const server = await RedisServer.start([], await authority.issue());
      const close = async (): Promise<void> => {
        await server.close();
        authority.close();
      };
      return { nodes: [server], url: server.url, cluster: false, env: { NODE_EXTRA_CA_CERTS: authority.file }, close };
    },
  ],
  [
    'a cluster of three',
    async () => {
      const cluster = await RedisCluster.start(3);
      return { nodes: cluster.nodes, url: cluster.url, cluster: true, env: {}, close: () => cluster.close() };
    },
  ],
];

let questions = 0;

describe.each(PLACES)('the cache of three replicas on %s', (name, startPlace) => {
  let place: Place;
  let upstream: UpstreamServer;
  const replicas: RouterProcess[] = [];

  const start = async (cache: object = {}): Promise<RouterProcess> => {
    const { url, cluster, env } = place;
    const config = inOrder([targetOn(upstream, { concurrency: CROWD })], {
      redis: { url, cluster },
      cache,
      limits: GENEROUS,
      resilience: { retries: 0 },
      auth: { keys: [keyFor('acme-key', { scopes: ['chat', 'admin'] }), keyFor('other-key', { tenant: 'other' })] },
    });
    const router = await RouterProcess.start({ config, env });
    await eventually('/ready says ready', SOON, async () => (await readinessOf(router)).status === 'ready', 50);
    return router;
  };
  beforeAll(async () => {
    [place, upstream] = await Promise.all([startPlace(), UpstreamServer.start()]);
    replicas.push(...(await Promise.all(Array.from({ length: REPLICAS }, () => start()))));
    await agreed();
  }, SLOW);
  beforeEach(() => {
    upstream.reset();
    questions += 1;
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.kill()));
    await Promise.all([place.close(), upstream.close()]);
  }, SLOW);

  const bodyOf = (body: object = {}) => ({ messages: [{ role: 'user', content: `question ${questions}` }], ...body });
  async function say(
    router: { readonly url: string },
    body: object = {},
    headers: Record<string, string> = {},
  ): Promise<Got> {
    const response = await chat(router, bodyOf(body), { ...KEY, ...headers });
    const raw = await response.text();
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
    const json = isStream ? null : (JSON.parse(raw) as Completion);
    return {
      status: response.status,
      cache: response.headers.get('x-router-cache'),
      age: response.headers.get('age'),
      text: isStream ? streamedText(raw) : (json?.choices?.[0]?.message?.content ?? raw),
      id: json?.id,
    };
  }
  const [first, second, third] = [0, 1, 2].map((n) => () => replicas[n]!) as [
    () => RouterProcess,
    () => RouterProcess,
    () => RouterProcess,
  ];
  /** They share a secret: what one has kept, the others find. */
  async function agreed(): Promise<void> {
    await eventually('the replicas share what they keep', SOON, async () => {
      questions += 1;
      await say(first());
      await eventually('it is in Redis', 5_000, async () => (await entries()).length > 0);
      return ['HIT', 'SHARED'].includes((await say(second())).cache ?? '') && (await say(third())).cache !== 'MISS';
    });
  }
  const onNodes = async <T>(work: (client: Redis) => Promise<T>): Promise<T[]> => {
    const results: T[] = [];
    for (const node of place.nodes) {
      const client = node.client();
      results.push(await work(client));
      client.disconnect();
    }
    return results;
  };
  const entries = async () => (await onNodes((client) => client.keys('cache:answer:*'))).flat();
  const kept = () => eventually('it is in Redis', 5_000, async () => (await entries()).length > 0);
  /** All but the secret: replicas that start would each bring one. */
  const emptied = () =>
    onNodes(async (client) => {
      const keys = (await client.keys('*')).filter((key) => key !== '{cache}:secret');
      for (const key of keys) await client.del(key);
    });
  const countOf = (got: readonly Got[], cache: string) => got.filter((one) => one.cache === cache).length;

  /** Every replica has forgotten, within a second, what it had. */
  async function isNewEverywhere(): Promise<void> {
    upstream.always(answer('new'));
    const isNew = async () =>
      (await Promise.all(replicas.map((replica) => say(replica)))).every(({ text }) => text === 'new');
    await eventually('every replica has a new answer', 1_000, isNew, 50);
  }

  it('what one has kept, every other one has, and so has one that starts later', async () => {
    await emptied();
    upstream.always(answer(TEXT));
    const made = await say(first());
    await kept();
    expect(made).toMatchObject({ cache: 'MISS', age: null });
    const hits = [await say(second()), await say(third(), { stream: true }), await say(second())];
    expect(hits).toMatchObject([
      { cache: 'HIT', text: TEXT, age: expect.stringMatching(/^\d$/) },
      { cache: 'HIT', text: TEXT },
      { cache: 'HIT', text: TEXT },
    ]);
    expect(new Set([made.id, hits[0]!.id, hits[2]!.id]).size).toBe(3);
    const late = await start();
    try {
      await eventually('it has the secret', 5_000, async () => {
        const { cache } = await say(late);
        return cache === 'HIT';
      });
    } finally {
      await late.kill();
    }
    expect((await say(second(), {}, OTHER)).cache).toBe('MISS'); // another tenant
  });

  it.each([
    ['plain', false],
    ['streamed', true],
  ])('R11 %s: 500 at once on three replicas are one call', async (form, stream) => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(3, gate.promise)));
    const crowd = Array.from({ length: CROWD }, (_, n) => say(replicas[n % REPLICAS]!, { stream }));
    await upstream.received();
    gate.resolve();
    const got = await Promise.all(crowd);
    expect(got.filter(({ status: code, text }) => code !== 200 || text !== TEXT)).toEqual([]);
    expect(upstream.requests).toHaveLength(1);
    figure('R11', `${name}, ${form}: ${upstream.requests.length} call for ${CROWD}, ${countOf(got, 'SHARED')} shared`);
  });

  it.each([
    ['plain', false],
    ['streamed', true],
  ])('R11 %s, at the moment of expiry: one call', async (form, stream) => {
    const short = await Promise.all(Array.from({ length: REPLICAS }, () => start({ ttlSeconds: 1 })));
    try {
      await emptied();
      upstream.always(answer(TEXT));
      await say(short[0]!);
      await kept();
      await eventually('it has expired', 3_000, async () => (await entries()).length === 0);
      upstream.reset();
      upstream.always(answer(TEXT));
      const got = await Promise.all(Array.from({ length: CROWD }, (_, n) => say(short[n % REPLICAS]!, { stream })));
      expect(got.filter(({ status: code, text }) => code !== 200 || text !== TEXT)).toEqual([]);
      expect(upstream.requests).toHaveLength(1);
      figure('R11', `${name}, ${form}, expired: ${upstream.requests.length} call for ${CROWD}`);
    } finally {
      await Promise.all(short.map((replica) => replica.kill()));
    }
  });

  it('those who wait on another replica are told of the end', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.always(answer(TEXT, {}, heldAfter(0, gate.promise)));
    const leader = say(first());
    await upstream.received();
    const others = [say(second()), say(third(), { stream: true })];
    await eventually('they wait', 5_000, async () => {
      const leases = await onNodes(async (client) => {
        const keys = await client.keys('cache:lease:*');
        return Promise.all(keys.map((key) => client.get(key)));
      });
      return leases.flat().some((lease) => lease?.startsWith('w'));
    });
    const released = performance.now();
    gate.resolve();
    expect(await leader).toMatchObject({ cache: 'MISS' });
    const got = await Promise.all(others);
    expect(got.filter(({ status: code, text }) => code !== 200 || text !== TEXT)).toEqual([]);
    expect(countOf(got, 'SHARED')).toBeGreaterThan(0); // one of them waits for sure
    const ms = performance.now() - released;
    expect(ms).toBeLessThan(500); // a look at the lease would come after more than a second
    expect(upstream.requests).toHaveLength(1);
    figure('R11', `${name}: told after ${ms.toFixed(0)} ms`);
  });

  it('a leader that fails on another replica fails nobody', async () => {
    const gate = Promise.withResolvers<void>();
    upstream.script((request, model) => [{ do: 'hold', until: gate.promise }, ...status(500)(request, model)]);
    upstream.always(answer(TEXT));
    const leader = say(first());
    await upstream.received();
    const others = [say(second()), say(third())];
    gate.resolve();
    expect((await leader).status).toBeGreaterThanOrEqual(500);
    expect(await Promise.all(others)).toMatchObject([
      { status: 200, text: TEXT },
      { status: 200, text: TEXT },
    ]);
    expect(upstream.requests).toHaveLength(2);
  });

  it(
    'a leader that dies holds the others up for less than 2 s',
    async () => {
      const doomed = await start();
      upstream.script(answer(TEXT, {}, heldAfter(0, new Promise<void>(() => undefined))));
      upstream.always(answer(TEXT));
      const lost = say(doomed).catch(() => null);
      await upstream.received();
      const others = [say(second()), say(third())];
      await doomed.kill();
      const diedAt = performance.now();
      expect(await Promise.all(others)).toMatchObject([
        { status: 200, text: TEXT },
        { status: 200, text: TEXT },
      ]);
      const ms = performance.now() - diedAt;
      await lost;
      expect(upstream.requests).toHaveLength(2);
      expect(ms).toBeLessThan(4_000); // 2 s for the lease, as its own test has it; the rest is for this machine
      figure('R11', `${name}: a dead leader cost ${ms.toFixed(0)} ms`);
    },
    SLOW,
  );

  it('DELETE /admin/cache forgets everywhere within a second, and only the own tenant', async () => {
    await emptied();
    upstream.always(answer(TEXT));
    const ofAcme = () => Promise.all(replicas.map((replica) => say(replica)));
    await say(first());
    await kept();
    await say(second(), {}, OTHER);
    await eventually('both are in Redis', 5_000, async () => (await entries()).length === 2);
    expect(countOf(await ofAcme(), 'HIT')).toBe(REPLICAS);
    const forget = (query = '', headers = KEY) =>
      fetch(`${second().url}/admin/cache${query}`, { method: 'DELETE', headers });
    expect((await forget('', OTHER)).status).toBe(403);
    expect((await forget('?tenant=other')).status).toBe(403);
    expect(await jsonOf(await forget('?model=unused'))).toMatchObject({ entries: 0 });
    const response = await forget();
    const forgottenAt = performance.now();
    expect([response.status, await jsonOf(response)]).toEqual([
      200,
      { object: 'cache.deleted', deleted: true, tenant: 'acme', model: null, entries: 1 },
    ]);
    expect((await entries()).length).toBe(1);
    await isNewEverywhere();
    figure('S02', `${name}: forgotten, answered in ${(performance.now() - forgottenAt).toFixed(0)} ms`);
    expect((await say(second(), {}, OTHER)).cache).toBe('HIT');
  });

  it('an erased session leaves with its answers', async () => {
    await emptied();
    const session = { ...OTHER, 'x-session-id': `talk-${questions}` };
    upstream.always(answer(TEXT));
    await say(first(), {}, session);
    await kept();
    // an empty conversation asks the same as none
    const ofAll = () => Promise.all(replicas.map((replica) => say(replica, {}, OTHER)));
    expect(await ofAll()).toMatchObject(replicas.map(() => ({ cache: 'HIT' })));
    const erase = `${second().url}/v1/sessions/${session['x-session-id']}`;
    expect((await fetch(erase, { method: 'DELETE', headers: OTHER })).status).toBe(200);
    expect(await entries()).toEqual([]);
    upstream.always(answer('new'));
    const isNew = async () => (await ofAll()).every(({ text }) => text === 'new');
    await eventually('every replica has a new answer', 1_500, isNew, 50);
  });

  it('S03 what others have put into Redis is a miss and one line in the log', async () => {
    await emptied();
    upstream.always(answer(TEXT));
    await say(first());
    await kept();
    const key = (await entries())[0]!;
    const linesOf = () =>
      second().log.filter(({ msg }) => /entry of the cache in Redis was not read/.test(String(msg)));
    const honest = (await onNodes((client) => client.get(key).catch(() => null))).find(Boolean)!;
    const forged = [
      honest.replace('w1', 'w666'),
      JSON.stringify('["1","forged",{},\n{"choices":[{"message":{"content":"evil"},"finish_reason":"stop"}]}]'),
      JSON.stringify('["0","older"]'),
      '"_function_x|function x(){process.exit(66)}"',
      '{"then":"_function_x|function x(){process.exit(66)}"}',
      'half a v',
    ];
    for (const [n, value] of forged.entries()) {
      await put(key, value);
      const got = await say(second());
      expect(got).toMatchObject({ status: 200, cache: 'MISS', text: TEXT });
      await eventually('one line', 2_000, () => linesOf().length === n + 1);
      await jsonOf(await fetch(`${second().url}/admin/cache`, { method: 'DELETE', headers: KEY }));
    }
  });

  const put = async (key: string, value: string): Promise<void> => {
    if (!place.cluster) return void (await onNodes((client) => client.set(key, value)));
    await onNodes((client) => client.set(key, value).catch(() => null)); // the nodes that do not have it say so
  };
});

describe('the cache of two replicas while Redis is away', () => {
  let redis: RedisServer;
  let upstream: UpstreamServer;
  const replicas: RouterProcess[] = [];
  beforeAll(async () => {
    [redis, upstream] = await Promise.all([RedisServer.start(), UpstreamServer.start()]);
    const config = inOrder([targetOn(upstream, { concurrency: CROWD })], { redis: { url: redis.url }, cache: {} });
    const start = async () => void replicas.push(await RouterProcess.start({ config }));
    await Promise.all([start(), start()]);
    await ready();
  }, SLOW);
  afterEach(async () => {
    redis.thaw();
    await ready();
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.kill()));
    await Promise.all([redis.close(), upstream.close()]);
  }, SLOW);

  const ready = () =>
    eventually(
      'both are ready',
      SOON,
      async () => {
        const all = await Promise.all(replicas.map((replica) => readinessOf(replica)));
        return all.every(({ status: word }) => word === 'ready');
      },
      50,
    );
  async function say(replica: number, question: string): Promise<{ status: number; cache: string | null; ms: number }> {
    const begun = performance.now();
    const messages = [{ role: 'user', content: question }];
    const response = await chat(replicas[replica]!, { messages });
    await response.text();
    const cache = response.headers.get('x-router-cache');
    return { status: response.status, cache, ms: performance.now() - begun };
  }
  /** What one replica keeps from now on, the other one finds. */
  const sharesAgain = (name: string) => {
    let n = 0;
    return eventually('hits come back by themselves', SOON, async () => {
      n += 1;
      await say(0, `${name} ${n}`);
      return ['HIT', 'SHARED'].includes((await say(1, `${name} ${n}`)).cache ?? '');
    });
  };

  it(
    'R02 killed and restarted: no error, memory goes on, hits of others come back',
    async () => {
      await sharesAgain('before');
      expect((await say(0, 'known')).cache).toBe('MISS');
      await redis.kill();
      const during = [];
      for (let n = 0; n < 40; n += 1) during.push(await say(n % 2, `while away ${n % 20}`));
      expect(during.filter(({ status: code }) => code !== 200)).toEqual([]);
      expect((await say(0, 'known')).cache).toBe('HIT');
      expect((await say(1, 'known')).cache).toBe('MISS');
      await redis.run();
      const back = performance.now();
      await sharesAgain('after');
      const seconds = ((performance.now() - back) / 1000).toFixed(1);
      const slowest = Math.max(...during.map(({ ms }) => ms)).toFixed(0);
      figure('R02', `cache: errors = 0 of 40 without Redis, slowest ${slowest} ms; shared again after ${seconds} s`);
    },
    SLOW,
  );

  it(
    'R03 frozen: one deadline at most, then nothing',
    async () => {
      await sharesAgain('thawed');
      redis.freeze();
      const during = [];
      for (let n = 0; n < 60; n += 1) during.push(await say(0, `frozen ${n}`));
      expect(during.filter(({ status: code, cache }) => code !== 200 || cache !== 'MISS')).toEqual([]);
      expect(during.filter(({ ms }) => ms > 700)).toEqual([]); // quota and cache may meet it once each
      const later = during
        .slice(20)
        .map(({ ms }) => ms)
        .sort((a, b) => a - b);
      expect(later[Math.floor(later.length / 2)]).toBeLessThan(100);
      redis.thaw();
      await sharesAgain('thawed again');
      figure(
        'R03',
        `cache: median ${later[20]!.toFixed(0)} ms while frozen, max ${Math.max(...during.map(({ ms }) => ms)).toFixed(0)} ms`,
      );
    },
    SLOW,
  );

  it(
    'R04 full: answers go out, and are kept in memory',
    async () => {
      const client = redis.client();
      try {
        await client.config('SET', 'maxmemory-policy', 'noeviction');
        await client.config('SET', 'maxmemory', '1mb');
        const answers = [];
        for (let n = 0; n < 20; n += 1) answers.push(await say(0, `full ${n}`));
        expect(answers.filter(({ status: code }) => code !== 200)).toEqual([]);
        expect((await say(0, 'full 3')).cache).toBe('HIT');
        figure('R04', `cache: errors = 0 of ${answers.length} with a full Redis`);
      } finally {
        await client.config('SET', 'maxmemory', '0');
        client.disconnect();
      }
      await sharesAgain('room again');
    },
    SLOW,
  );

  it(
    'a Redis that was emptied gets its secret again, and every replica goes on with the same',
    async () => {
      await sharesAgain('secret');
      const client = redis.client();
      await eventually('there is one', 5_000, async () => (await client.get('{cache}:secret')) !== null);
      const secret = await client.get('{cache}:secret');
      expect(secret).toMatch(/^[\w-]{43}$/);
      await client.flushall();
      await eventually('it is back', 5_000, async () => (await client.get('{cache}:secret')) !== null);
      expect(await client.get('{cache}:secret')).toBe(secret);
      client.disconnect();
      await sharesAgain('same secret');
    },
    SLOW,
  );

  it(
    'an account that may neither publish nor use the cache costs nothing but hits',
    async () => {
      const client = redis.client();
      try {
        await client.acl('SETUSER', 'default', '-zadd', '-xadd', '-publish', '-set');
        const answers = [];
        for (let n = 0; n < 10; n += 1) answers.push(await say(n % 2, `refused ${n}`));
        expect(answers.filter(({ status: code }) => code !== 200)).toEqual([]);
      } finally {
        await client.acl('SETUSER', 'default', '+@all');
        client.disconnect();
      }
      await sharesAgain('allowed again');
    },
    SLOW,
  );
});
