import { RedisServer } from '../test/support/redis-server.js';
import type { RouterConfigInput, RouterProcess } from '../test/support/router-process.js';
import { sideOf, startRouter, type Side } from './router-under-test.js';

/** A real redis-server, for as long as it is used; `redis` of a configuration. */
export async function withRedis<T>(use: (redis: { readonly url: string }) => Promise<T>): Promise<T> {
  const redis = await RedisServer.start();
  try {
    return await use({ url: redis.url });
  } finally {
    await redis.close();
  }
}

/** Fresh processes by name, with variables of their own where given: one that has served longer than another would be no match. */
export async function withRouters<T, Name extends string>(
  configs: Readonly<Record<Name, RouterConfigInput>>,
  use: (routers: Readonly<Record<Name, Side>>) => Promise<T>,
  environments: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): Promise<T> {
  const started: RouterProcess[] = [];
  try {
    const routers = {} as Record<Name, Side>;
    for (const name of Object.keys(configs) as Name[]) {
      const { router } = await startRouter(configs[name], environments[name]);
      started.push(router);
      routers[name] = sideOf(router);
    }
    return await use(routers);
  } finally {
    await Promise.all(started.map((router) => router.kill()));
  }
}
