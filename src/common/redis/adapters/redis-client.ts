import { isIP } from 'node:net';
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import type { RouterConfig } from '../../config/config.schema.js';
import { STORE_DEADLINE_MS } from '../../store-guard.js';
import type { EntraRedisLogin } from './entra-redis-login.js';
import { isRefusedSignIn, putLogin, signInAgain } from './redis-sign-in.js';
import { connectorThatTells } from './telling-connector.js';

export type RedisClient = Redis | Cluster;

export interface OpenClient {
  readonly client: RedisClient;
  readonly close: () => void;
}

const CONNECT_MS = 500;
const MAX_RECONNECT_MS = 1_000;

/** ioredis waits for ever by default, for a server that is down as for a frozen one; these make it give up. */
const PATIENCE = {
  maxRetriesPerRequest: 1,
  enableOfflineQueue: false,
  connectTimeout: CONNECT_MS,
  // The guard's deadline comes first and bears with pauses of this process; this one clears the client's own queue.
  commandTimeout: 4 * STORE_DEADLINE_MS,
  keepAlive: 10_000,
} as const;

const reconnectAfter = (times: number): number => Math.min(50 * times, MAX_RECONNECT_MS) * (0.5 + Math.random() / 2);

/**
 * A client that connects by itself, now and after every loss. ioredis is loaded here only, so that a service without
 * Redis does not spend the memory.
 *
 * @param entra in place of a user and a password in `redis.url`
 * @param tell is called with what goes wrong with a connection, of any node, before the client's event `close`
 * @throws Error when Entra gives no token
 */
export async function createRedisClient(
  config: RouterConfig['redis'],
  entra: EntraRedisLogin | null,
  tell: (error: Error) => void,
): Promise<OpenClient> {
  const { Redis, Cluster, AbstractConnector } = await import('ioredis');
  const options: RedisOptions = {
    ...PATIENCE,
    ...serverOf(new URL(config.url)),
    retryStrategy: reconnectAfter,
    Connector: connectorThatTells(AbstractConnector, tell),
  };
  if (entra) putLogin(options, await entra.current());
  const client = config.cluster ? createCluster(Cluster, options) : new Redis(options);
  const renewal = entra?.renew((login) => signInAgain(client, login));
  const onError = (error: Error & { lastNodeError?: Error }): void => {
    const cause = error.lastNodeError ?? error;
    if (isRefusedSignIn(cause)) renewal?.hurry();
    if (!('code' in cause)) tell(cause); // what happens to sockets, the connector has told
  };
  client.on('error', onError);
  client.on('node error', onError);
  return {
    client,
    close: () => {
      renewal?.stop();
      client.disconnect();
    },
  };
}

function createCluster(ClusterClass: typeof Cluster, options: RedisOptions): Cluster {
  const { host = '127.0.0.1', port = 6379 } = options;
  return new ClusterClass([{ host, port }], {
    redisOptions: options,
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectAfter,
    slotsRefreshTimeout: 2_000,
    // The nodes of a TLS cluster are known by address; their certificate carries the name we were given.
    dnsLookup: (address, callback) => callback(null, address),
  });
}

function serverOf(url: URL): RedisOptions {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    port: Number(url.port || 6379),
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    ...(url.pathname.length > 1 ? { db: Number(url.pathname.slice(1)) } : {}),
    // TLS has no server names that are addresses (RFC 6066, 3); the certificate is checked against them all the same.
    ...(url.protocol === 'rediss:' ? { tls: isIP(host) ? {} : { servername: host } } : {}),
  };
}
