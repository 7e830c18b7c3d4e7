import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure } from '../support/fault-row.js';
import { Fleet } from '../support/fleet.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually, jsonOf } from '../support/router-calls.js';
import { RouterProcess } from '../support/router-process.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { RedisServer } from '../support/redis-server.js';
import { say } from '../support/session-load.js';
import { readinessOf } from '../support/store-stack.js';
import { TcpFaultProxy } from '../support/tcp-fault-proxy.js';
import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import type { Twist } from '../support/upstream-twists.js';

const SLOW = 90_000;
const SOON = 10_000;

/** The whole answer comes so late, milliseconds. */
const late =
  (ms: number): Twist =>
  (steps) => [{ do: 'wait', ms }, ...steps];

interface At {
  readonly url: string;
}

const erase = async ({ url }: At, session: string): Promise<number> =>
  (await fetch(`${url}/v1/sessions/${session}`, { method: 'DELETE' })).status;
const seen = async ({ url }: At, session: string): Promise<number> =>
  (await fetch(`${url}/v1/sessions/${session}`)).status;
interface Listed {
  readonly id: string;
  readonly turn_count: number;
}
const listed = async ({ url }: At): Promise<Listed[]> =>
  (await jsonOf<{ data: Listed[] }>(await fetch(`${url}/v1/sessions?limit=100`))).data;

describe('stores of one replica', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;

  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(inOrder([targetOn(upstream)], { cache: { enabled: true } }));
  }, SLOW);
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it('F17 a session erased while an answer to it runs does not come back; a new one lives', async () => {
    expect(await say(router.url, 'gone', 'before')).toMatchObject({ persisted: true });
    upstream.script(answer('late', {}, late(300)));
    const running = say(router.url, 'gone', 'Remember my name.');
    await upstream.received(1);
    expect(await erase(router, 'gone')).toBe(200);
    expect(await running).toMatchObject({ status: 200, persisted: false });
    expect(await seen(router, 'gone')).toBe(404);
    expect((await listed(router)).map(({ id }) => id)).not.toContain('gone');
    expect(await say(router.url, 'gone', 'anew')).toMatchObject({ status: 200, persisted: true });
    expect(upstream.requests.at(-1)?.body?.messages).toHaveLength(1); // nothing of before
    expect(await seen(router, 'gone')).toBe(200);
  });

  it('F17 neither does its answer from the cache, or for its Idempotency-Key', async () => {
    const body = { messages: [{ role: 'user', content: 'a secret question' }] };
    const inSession = { 'x-session-id': 'kept', 'idempotency-key': 'f17' };
    await (await chat(router, {}, { 'x-session-id': 'kept' })).text();
    upstream.script(answer('late', {}, late(300)));
    const running = chat(router, body, inSession);
    await upstream.received(1);
    expect(await erase(router, 'kept')).toBe(200);
    expect((await running).status).toBe(200);
    const again = await chat(router, body, inSession);
    expect(again.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('x-router-cache')).toBe('MISS');
  });
});

describe('F30 the budget of a service without Redis', () => {
  const PRICE = { input: 0, output: 1_000_000 };
  const TEXT = 'one two three four five';
  let upstream: UpstreamServer;
  let dataDir: string;

  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    dataDir = mkdtempSync(join(tmpdir(), 'router-f30-'));
  });
  afterAll(async () => {
    await upstream.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it(
    'F30 survives a kill -9 and a restart',
    async () => {
      upstream.always(answer(TEXT));
      const config = inOrder([targetOn(upstream, { price: PRICE })], {
        auth: {
          keys: [keyFor('alice', { limits: { usdPerMonth: 8 } }), keyFor('bob', { limits: { usdPerMonth: 8 } })],
        },
      });
      const spend = async (router: At, key: string): Promise<number> => {
        const response = await chat(router, { max_tokens: 5 }, { authorization: `Bearer ${key}` });
        await response.text();
        return response.status;
      };
      const first = await RouterProcess.start({ config, dataDir });
      expect([await spend(first, 'alice'), await spend(first, 'alice')]).toEqual([200, 200]);
      expect(await spend(first, 'alice')).toBe(429);
      expect(await spend(first, 'bob')).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 60)); // what may be in memory only is 20 ms old at most
      await first.kill();
      const second = await RouterProcess.start({ config, dataDir });
      try {
        expect(await spend(second, 'alice')).toBe(429);
        expect([await spend(second, 'bob'), await spend(second, 'bob')]).toEqual([200, 429]);
        figure('F30', 'two budgets of 8 USD used up over a kill -9: 10 USD each, the answer that overran included');
      } finally {
        await second.kill();
      }
    },
    SLOW,
  );
});

describe('F66 the first moments of a replica', () => {
  it(
    'F66 what is let in before Redis is reached counts afterwards, and /ready waits for the first attempt',
    async () => {
      const [upstream, redis] = [await UpstreamServer.start(), await RedisServer.start()];
      const proxy = await TcpFaultProxy.start(redis.port);
      await proxy.set('hang');
      const config = inOrder([targetOn(upstream)], {
        redis: { url: `redis://127.0.0.1:${proxy.port}` },
        auth: { keys: [keyFor('alice', { limits: { requestsPerMinute: 5 } })] },
      });
      const router = await startRouter(config);
      const ask = async (): Promise<number> => {
        const response = await chat(router, {}, { authorization: 'Bearer alice' });
        await response.text();
        return response.status;
      };
      const readiness = async () => readinessOf(router);
      try {
        expect(await readiness()).toMatchObject({ status: 'unready', checks: { router: { status: 'down' } } });
        const before = [await ask(), await ask(), await ask()];
        expect(before).toEqual([200, 200, 200]);
        await eventually(
          'degraded once the attempt has failed',
          SOON,
          async () => (await readiness()).status === 'degraded',
        );
        await proxy.set('none');
        await eventually('ready', SOON, async () => (await readiness()).status === 'ready');
        const after = [await ask(), await ask(), await ask(), await ask()];
        expect(after).toEqual([200, 200, 429, 429]);
        figure('F66', '3 let in before Redis was reached and 2 afterwards, limit 5');
      } finally {
        await router.close();
        await proxy.close();
        await redis.close();
        await upstream.close();
      }
    },
    SLOW,
  );
});

describe('stores of two replicas', () => {
  let fleet: Fleet;
  const a = () => fleet.replicas[0]!;
  const b = () => fleet.replicas[1]!;
  const documentsOf = async (session: string) =>
    (await fleet.stack.documents()).filter((document) => document.session === session);

  beforeAll(async () => {
    fleet = await Fleet.start(2, { sessions: { maxTurns: 9_000 } });
  }, SLOW);
  beforeEach(() => fleet.upstream.reset());
  afterEach(() => fleet.stack.heal());
  afterAll(() => fleet.close(), SLOW);

  it(
    'F17 erased on another replica while an answer runs, also when the stores are away at its end',
    async () => {
      for (const session of ['near', 'far']) expect(await say(a().url, session)).toMatchObject({ persisted: true });
      fleet.upstream.always(answer('late', {}, late(500)));
      const near = say(b().url, 'near', 'my address');
      await fleet.upstream.received(2);
      expect(await erase(a(), 'near')).toBe(200);
      expect(await near).toMatchObject({ status: 200, persisted: false });

      const far = say(b().url, 'far', 'my address');
      await fleet.upstream.received(3);
      expect(await erase(a(), 'far')).toBe(200);
      // Nothing can be written now: the turn waits in the memory of B.
      await fleet.stack.redisProxy.set('refuse');
      fleet.stack.cosmosProxy.set({ status: 503 });
      expect(await far).toMatchObject({ status: 200, persisted: false });
      await fleet.stack.heal();
      await fleet.allAre('ready');
      await eventually(
        'nothing waits at B',
        SOON,
        async () => (await metricOf(b(), 'router_outbox_depth', 'memory')) === 0,
      );
      for (const session of ['near', 'far']) {
        expect(await documentsOf(session)).toEqual([]);
        expect([await seen(a(), session), await seen(b(), session)]).toEqual([404, 404]);
        expect((await listed(b())).map(({ id }) => id)).not.toContain(session);
      }
      fleet.upstream.reset();
      expect(await say(b().url, 'near', 'anew')).toMatchObject({ persisted: true });
      await eventually('the new one is stored', SOON, async () => (await documentsOf('near')).length === 1);
    },
    SLOW,
  );

  it(
    'F29 Cosmos confirms after the deadline: the session is in the list, once',
    async () => {
      fleet.stack.cosmosProxy.set((request) => (isWrite(request) ? 'lose' : 'pass'));
      expect(await say(a().url, 'confirmed-late')).toMatchObject({ status: 200, persisted: true });
      await eventually('Cosmos has the turn', SOON, async () => (await documentsOf('confirmed-late')).length === 1);
      fleet.stack.cosmosProxy.heal();
      const entry = async () => (await listed(b())).find(({ id }) => id === 'confirmed-late');
      await eventually('it is in the list', SOON, async () => (await entry()) !== undefined);
      await eventually('nothing waits', SOON, async () => (await metricOf(b(), 'router_outbox_depth', 'redis')) === 0);
      expect(await entry()).toMatchObject({ turn_count: 1 });
      expect(await documentsOf('confirmed-late')).toHaveLength(1);
    },
    SLOW,
  );

  it(
    'F32 an entry that no store takes is set aside, named once, and blocks nobody',
    async () => {
      const redis = fleet.stack.redis.client();
      const entry = { tenant: 'local', session: 'poison', expires_at: Date.now() + 1e6, turn: { v: 1, id: 'no' } };
      fleet.stack.cosmosProxy.set((request) => (isWrite(request) ? { status: 503 } : 'pass'));
      await redis.xadd('{outbox}:turns', '*', 'turn', JSON.stringify(entry));
      await redis.xadd('{outbox}:turns', '*', 'turn', 'not JSON, with a secret in it');
      expect(await say(b().url, 'behind-poison')).toMatchObject({ persisted: true });
      fleet.stack.cosmosProxy.heal();
      await eventually('the others are delivered', SOON, async () => (await documentsOf('behind-poison')).length === 1);
      await eventually('both are set aside', 20_000, async () => (await redis.xlen('{outbox}:set-aside')) === 2);
      await eventually('nothing waits', SOON, async () => (await redis.xlen('{outbox}:turns')) === 0);
      await eventually('nor is counted', SOON, async () => (await redis.exists('{outbox}:refusals')) === 0);
      redis.disconnect();
      await eventually('counted', SOON, async () => (await metricOf(a(), 'router_outbox_set_aside', 'redis')) === 2);
      const lines = () => [...a().log, ...b().log].filter(({ msg }) => String(msg).includes('set aside'));
      await eventually('named once each', SOON, () => lines().length === 2); // lines leave in batches
      expect(JSON.stringify(lines())).not.toContain('secret');
      figure('F32', '2 entries set aside after 5 tries each, 1 turn behind them delivered at once, 2 log lines');
    },
    SLOW,
  );

  it(
    'F38 a hot tail of 8,000 turns is read and written in pieces',
    async () => {
      expect(await say(a().url, 'long')).toMatchObject({ persisted: true });
      expect(await say(a().url, 'long')).toMatchObject({ persisted: true });
      const redis = fleet.stack.redis.client();
      const [list, tail] = ['{local:long}:turns', '{local:long}:tail'];
      const [, expires = '', json = ''] = /^\S+ (\d+) ([^]*)$/.exec((await redis.lrange(list, 0, 0))[0] ?? '') ?? [];
      const many = Array.from({ length: 8_000 }, (_, n) => {
        const id = `01AAAAAAAAAAAAAAAAAA${String(n).padStart(6, '0')}`;
        return `${id} ${expires} ${json.replace(/"id":"[^"]+"/, `"id":"${id}"`)}`;
      });
      await redis.lpush(list, ...many.toReversed());
      await redis.hset(tail, 'count', await redis.llen(list), 'filledFor', 9_000);
      fleet.upstream.reset();
      expect(await say(b().url, 'long', 'And now?')).toMatchObject({ status: 200, persisted: true });
      const sent = fleet.upstream.requests[0]?.body?.messages ?? [];
      expect(sent.length).toBeGreaterThan(1);
      expect(await redis.llen(list)).toBe(8_003);
      await eventually('ready', SOON, async () => (await fetch(`${b().url}/ready`)).status === 200);
      redis.disconnect();
      figure('F38', `8,003 turns in the hot tail, ${sent.length} messages sent to the model`);
    },
    SLOW,
  );
});

const isWrite = ({ method, headers }: { method?: string; headers: Record<string, unknown> }): boolean =>
  method === 'POST' && headers['x-ms-documentdb-isquery'] === undefined;

async function metricOf({ url }: At, name: string, store: string): Promise<number | null> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = new RegExp(`^${name}\\{store="${store}"\\} (\\d+)`, 'm').exec(text)?.[1];
  return value === undefined ? null : Number(value);
}
