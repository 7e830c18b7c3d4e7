import { CosmosClient } from '@azure/cosmos';
import { AzuriteTables } from './azurite-tables.js';
import { CosmosEmulator } from './cosmos-emulator.js';
import { HttpFaultProxy } from './http-fault-proxy.js';
import { RedisServer } from './redis-server.js';
import { RouterProcess, type RouterConfigInput } from './router-process.js';
import { eventually, jsonOf } from './router-calls.js';
import { inOrder, targetOn } from './router-targets.js';
import { TcpFaultProxy } from './tcp-fault-proxy.js';
import type { UpstreamServer } from './upstream-server.js';

const READY_MS = 20_000;
/** Every answer of /ready costs the service a look at each store, and what it says may be a second old. */
export const READINESS_POLL_MS = 50;
const ALL = 100_000;

export interface StoredDocument {
  readonly id: string;
  readonly session: string;
  readonly request_id: string;
  readonly at: string;
}

export interface Readiness {
  readonly status: string;
  readonly checks: Readonly<Record<string, { readonly status: string; readonly detail?: string }>>;
}

/** A real redis-server, the Cosmos emulator and Azurite, each behind a proxy that can misbehave. */
export class StoreStack {
  private constructor(
    readonly redis: RedisServer,
    readonly redisProxy: TcpFaultProxy,
    readonly cosmos: CosmosEmulator,
    readonly cosmosProxy: HttpFaultProxy,
    readonly tables: AzuriteTables,
    readonly tablesProxy: HttpFaultProxy,
  ) {}

  static async start(): Promise<StoreStack> {
    const [redis, cosmos, tables] = await Promise.all([
      RedisServer.start(),
      CosmosEmulator.start(),
      AzuriteTables.start(),
    ]);
    const [redisProxy, cosmosProxy, tablesProxy] = await Promise.all([
      TcpFaultProxy.start(redis.port),
      HttpFaultProxy.start(cosmos.port),
      HttpFaultProxy.start(tables.port),
    ]);
    return new StoreStack(redis, redisProxy, cosmos, cosmosProxy, tables, tablesProxy);
  }

  /** Of a replica that uses these stores and answers from `upstream`. */
  config(upstream: UpstreamServer, changes: Partial<RouterConfigInput> = {}): RouterConfigInput {
    return inOrder([targetOn(upstream)], {
      redis: { url: `redis://127.0.0.1:${this.redisProxy.port}` },
      cosmos: { endpoint: `http://127.0.0.1:${this.cosmosProxy.port}`, key: '${COSMOS_KEY}' },
      tables: { connectionString: '${TABLES_CONNECTION_STRING}' },
      ...changes,
    });
  }

  /** A replica as a process; resolves when `/ready` has the status. */
  async replica(
    upstream: UpstreamServer,
    changes: Partial<RouterConfigInput> = {},
    status = 'ready',
  ): Promise<RouterProcess> {
    const env = {
      COSMOS_KEY: CosmosEmulator.KEY,
      TABLES_CONNECTION_STRING: this.tables.connectionString(this.tablesProxy.port),
    };
    const router = await RouterProcess.start({ config: this.config(upstream, changes), env });
    const isSo = async () => (await readinessOf(router)).status === status;
    await eventually(`/ready says ${status}`, READY_MS, isSo, READINESS_POLL_MS).catch(async (error: unknown) => {
      await router.kill();
      throw error;
    });
    return router;
  }

  /** Every turn that Cosmos holds, oldest first; asked without the proxy. */
  async documents(): Promise<StoredDocument[]> {
    const client = new CosmosClient({
      endpoint: this.cosmos.endpoint,
      key: CosmosEmulator.KEY,
      connectionPolicy: { enableEndpointDiscovery: false },
    });
    const { resources } = await client
      .database('router')
      .container('turns')
      .items.query<StoredDocument>(
        "SELECT c.id, c.session, c.request_id, c.at FROM c WHERE c.id != 'erased' ORDER BY c.id",
        { maxItemCount: ALL }, // the emulator looks at everything again for each page
      )
      .fetchAll();
    client.dispose();
    return resources;
  }

  async heal(): Promise<void> {
    this.cosmosProxy.heal();
    this.tablesProxy.heal();
    await this.redisProxy.set('none');
  }

  async close(): Promise<void> {
    await Promise.all([this.redisProxy.close(), this.cosmosProxy.close(), this.tablesProxy.close()]);
    await Promise.all([this.redis.close(), this.cosmos.close(), this.tables.close()]);
  }
}

export const readinessOf = async ({ url }: { readonly url: string }): Promise<Readiness> =>
  jsonOf<Readiness>(await fetch(`${url}/ready`));
