import type { Redis } from 'ioredis';
import { RedisServer } from '../support/redis-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually } from '../support/router-calls.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { readinessOf } from '../support/store-stack.js';
import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const LIMITS = { requestsPerMinute: 50, tokensPerMinute: 1_000_000, concurrent: 50, usdPerMonth: 1_000 };

describe('what limits ask of Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  let upstream: UpstreamServer;
  let router: RouterApp;
  let stopWatching = (): void => undefined;

  beforeAll(async () => {
    [redis, upstream] = await Promise.all([RedisServer.start(), UpstreamServer.start()]);
    client = redis.client();
    await watch();
    const rest = {
      redis: { url: `redis://127.0.0.1:${redis.port}` },
      cache: { enabled: false },
      auth: { keys: [keyFor('alice'), keyFor('few', { limits: { requestsPerMinute: 3 } })] },
      limits: LIMITS,
      tenants: { acme: { limits: LIMITS } },
    };
    const config = inOrder([targetOn(upstream, { price: { input: 1, output: 1 } })], rest);
    const models = config.models?.map((model) => ({ ...model, limits: { usdPerMonth: 5 } })) ?? [];
    router = await startRouter({ ...config, models });
    await eventually(
      'Redis is there',
      10_000,
      async () => (await readinessOf(router)).checks['redis']?.status === 'up',
    );
  }, 30_000);
  afterAll(async () => {
    await router.close();
    stopWatching();
    client.disconnect();
    await redis.close();
    await upstream.close();
  });

  /** Calls of this tenant so far, in order; of the scripts only that they were called. */
  const calls: string[] = [];
  const watch = async (): Promise<void> => {
    const monitor = await client.monitor();
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      const isOurs = args.some((arg) => arg.startsWith('{acme}'));
      if (args[0] === 'echo') calls.push(args[1]!);
      else if (isOurs && source !== 'lua') calls.push(args[0]!);
    });
    stopWatching = () => monitor.disconnect();
  };
  /** Everything before it has been seen when it is. */
  const mark = (name: string) => {
    const told = eventually(`${name} is seen`, 5_000, () => calls.includes(name));
    return client.echo(name).then(() => told);
  };
  const send = async (key: string, path = '/v1/chat/completions'): Promise<number> => {
    const response =
      path === '/v1/chat/completions'
        ? await chat(router, {}, { authorization: `Bearer ${key}` })
        : await fetch(router.url + path, { headers: { authorization: `Bearer ${key}` } });
    await response.text();
    return response.status;
  };

  it('is one call before the model is asked, whatever is limited, and one behind the answer', async () => {
    await send('alice');
    // Redis learns a script at its first call
    await eventually('both scripts are known', 5_000, () => calls.filter((name) => name === 'eval').length === 2);
    upstream.always((request, model) => [
      { do: 'hold', until: client.echo('at the model').then(() => undefined) },
      ...answer('yes')(request, model),
    ]);
    await mark('begin');
    expect(await send('alice')).toBe(200);
    upstream.reset();
    await eventually('it is settled', 5_000, () => calls.slice(calls.indexOf('at the model')).includes('evalsha'));
    await mark('end');
    expect(calls.slice(calls.indexOf('begin'))).toEqual(['begin', 'evalsha', 'at the model', 'evalsha', 'end']);
  });

  it('is nothing while a caller is known to be over the limit, on every route', async () => {
    expect([await send('few'), await send('few', '/v1/sessions'), await send('few')]).toEqual([200, 200, 200]);
    expect(await send('few')).toBe(429);
    await mark('full');
    for (let n = 0; n < 5; n += 1) {
      expect([await send('few'), await send('few', '/v1/sessions')]).toEqual([429, 429]);
    }
    await mark('still full');
    // what is settled of those that were let in
    const later = calls.slice(calls.indexOf('full'));
    expect(later.length).toBeLessThanOrEqual(4);
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    const counted = /router_requests_total\{[^}]*status="429"[^}]*\} (\d+)/.exec(metrics)?.[1];
    expect(counted).toBe('6'); // all chat requests that were refused
    expect(await send('few', '/v1/models')).toBe(200);
    expect(await send('alice')).toBe(200);
  });
});
