import { chat, eventually, jsonOf } from '../support/router-calls.js';
import type { RouterProcess } from '../support/router-process.js';
import { HttpFaultProxy } from '../support/http-fault-proxy.js';
import { say } from '../support/session-load.js';
import { readinessOf, StoreStack } from '../support/store-stack.js';
import { TcpFaultProxy } from '../support/tcp-fault-proxy.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 90_000;

describe('an erased session', () => {
  let stack: StoreStack;
  let upstream: UpstreamServer;
  let redisOfB: TcpFaultProxy;
  let cosmosOfB: HttpFaultProxy;
  let a: RouterProcess;
  let b: RouterProcess;

  beforeAll(async () => {
    [stack, upstream] = await Promise.all([StoreStack.start(), UpstreamServer.start()]);
    redisOfB = await TcpFaultProxy.start(stack.redis.port);
    cosmosOfB = await HttpFaultProxy.start(stack.cosmos.port);
    const cache = { enabled: true };
    const redis = { url: `redis://127.0.0.1:${redisOfB.port}` };
    const cosmos = { endpoint: `http://127.0.0.1:${cosmosOfB.port}`, key: '${COSMOS_KEY}' };
    [a, b] = await Promise.all([stack.replica(upstream, { cache }), stack.replica(upstream, { cache, redis, cosmos })]);
  }, SLOW);
  afterAll(async () => {
    await Promise.all([a.kill(), b.kill()]);
    await Promise.all([redisOfB.close(), cosmosOfB.close()]);
    await stack.close();
    await upstream.close();
  }, SLOW);

  const erase = async (session: string): Promise<number> =>
    (await fetch(`${a.url}/v1/sessions/${session}`, { method: 'DELETE' })).status;
  const cacheOf = async (session: string): Promise<string | null> => {
    const response = await chat(b, {}, { 'x-session-id': session });
    await response.text();
    return response.headers.get('x-router-cache');
  };
  const documentsOf = async (session: string) =>
    (await stack.documents()).filter((document) => document.session === session);

  it(
    'leaves the answer caches of the other replicas too',
    async () => {
      expect(await cacheOf('cached')).toBe('MISS');
      expect(await cacheOf('another')).toBe('HIT');
      expect(await erase('cached')).toBe(200);
      await eventually('replica B has forgotten the answer', 5_000, async () => {
        const fresh = `fresh-${Math.random()}`;
        return (await cacheOf(fresh)) === 'MISS';
      });
    },
    SLOW,
  );

  it(
    'does not come back from the memory of a replica that had lost every store',
    async () => {
      expect(await say(a.url, 'gone')).toMatchObject({ status: 200, persisted: true });
      expect(await say(b.url, 'other')).toMatchObject({ status: 200, persisted: true });
      await redisOfB.set('refuse');
      // Reads go on, so that the session is known; nothing can be written.
      cosmosOfB.set((request) => (request.headers['x-ms-documentdb-isquery'] ? 'pass' : { status: 503 }));
      for (const session of ['gone', 'other']) {
        expect(await say(b.url, session)).toMatchObject({ status: 200, persisted: false });
      }
      expect(await erase('gone')).toBe(200);
      expect(await documentsOf('gone')).toEqual([]);
      cosmosOfB.heal(); // Redis stays away: B cannot hear of the erasure there
      await eventually('replica B has delivered', 10_000, async () => (await documentsOf('other')).length === 2);
      const depth = async () => /router_outbox_depth\{store="memory"\} (\d+)/.exec(await metricsOf(b))?.[1];
      await eventually('nothing waits at B', 5_000, async () => (await depth()) === '0');
      expect(await documentsOf('gone')).toEqual([]);
      await redisOfB.set('none');
      await eventually('B is ready', 10_000, async () => (await readinessOf(b)).status === 'ready');
      const seen = await fetch(`${b.url}/v1/sessions/gone`);
      expect([seen.status, (await jsonOf<{ error: { code: string } }>(seen)).error.code]).toEqual([
        404,
        'session_not_found',
      ]);
    },
    SLOW,
  );
});

const metricsOf = async ({ url }: RouterProcess): Promise<string> => (await fetch(`${url}/metrics`)).text();
