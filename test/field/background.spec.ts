import { setTimeout as delay } from 'node:timers/promises';
import type { LoggerService } from '@nestjs/common';
import { AzuriteTables } from '../support/azurite-tables.js';
import { CosmosEmulator } from '../support/cosmos-emulator.js';
import { called, figure } from '../support/fault-row.js';
import { freePort } from '../support/free-port.js';
import { HttpFaultProxy, type HttpFault } from '../support/http-fault-proxy.js';
import { RefusingRedis } from '../support/refusing-redis.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { eventually } from '../support/router-calls.js';
import { RouterProcess } from '../support/router-process.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { say } from '../support/session-load.js';
import { readinessOf, type Readiness } from '../support/store-stack.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 60_000;
const SOON = 10_000;
/** Many services are asked at once. */
const POLL_MS = 50;
const GARBAGE = { status: 200, body: '<html>sign in to the hotel network</html>' };
const NOT_MEANT = { status: 200, body: '{"value":7,"Documents":"none","odata.metadata":[]}' };
const REFUSALS: [string, HttpFault][] = [
  ...[400, 401, 403, 404, 409, 500].map((status): [string, HttpFault] => [String(status), { status }]),
  ['garbage', GARBAGE],
  ['other JSON', NOT_MEANT],
];
const REPLIES = [
  'NOAUTH Authentication required.',
  'WRONGPASS invalid username-password pair or user is disabled.',
  "READONLY You can't write against a read only replica.",
  'LOADING Redis is loading the dataset in memory',
  'MOVED 3999 10.1.2.3:6381',
  "OOM command not allowed when used memory > 'maxmemory'.",
  'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
  "NOPERM User default has no permissions to run the 'set' command",
  'ERR something else',
];

/** Log lines of the application, warnings and errors apart. */
class HeardLines {
  readonly lines: string[] = [];
  readonly logger: LoggerService = {
    log: () => undefined,
    debug: () => undefined,
    verbose: () => undefined,
    warn: (first: unknown, ...rest: unknown[]) => this.hear(first, rest),
    error: (first: unknown, ...rest: unknown[]) => this.hear(first, rest),
  };

  /** @param context of the line, such as `stores` */
  of(context: string): string[] {
    return this.lines.filter((line) => line.endsWith(`|${context}`));
  }

  private hear(first: unknown, rest: unknown[]): void {
    const text = typeof first === 'string' ? first : (rest.find((part) => typeof part === 'string') as string);
    this.lines.push(`${text}|${String(rest.at(-1))}`);
  }
}

/** Nest has one logger for all applications of a process. */
const heard = new HeardLines();

/** A service whose one store refuses everything in one way. */
class RefusedStore {
  private constructor(
    readonly name: string,
    private readonly store: 'tables' | 'cosmos' | 'redis',
    private readonly router: RouterApp,
    private readonly proxy: HttpFaultProxy | RefusingRedis,
    private readonly fault: HttpFault,
  ) {}

  static async onTables(name: string, fault: HttpFault, upstream: UpstreamServer, tables: AzuriteTables) {
    const proxy = await HttpFaultProxy.start(tables.port);
    const config = inOrder([targetOn(upstream)], { tables: { connectionString: tables.connectionString(proxy.port) } });
    return new RefusedStore(name, 'tables', await startRouter(config, heard), proxy, fault);
  }

  static async onCosmos(name: string, fault: HttpFault, upstream: UpstreamServer, { port, endpoint }: CosmosEmulator) {
    const proxy = await HttpFaultProxy.start(port);
    const at = endpoint.replace(String(port), String(proxy.port));
    const config = inOrder([targetOn(upstream)], { cosmos: { endpoint: at, key: CosmosEmulator.KEY } });
    return new RefusedStore(name, 'cosmos', await startRouter(config, heard), proxy, fault);
  }

  static async onRedis(reply: string, upstream: UpstreamServer) {
    const redis = await RefusingRedis.start(reply);
    const router = await startRouter(inOrder([targetOn(upstream)], { redis: { url: redis.url } }), heard);
    return new RefusedStore(reply, 'redis', router, redis, 'pass');
  }

  refuse(): void {
    if (this.proxy instanceof HttpFaultProxy) this.proxy.set(this.fault);
  }

  heal(): void {
    if (this.proxy instanceof HttpFaultProxy) this.proxy.heal();
  }

  async isReady(): Promise<void> {
    await eventually('ready', SOON, async () => delay(POLL_MS, (await this.state()).status === 'ready'));
  }

  /** Requests without a session always; those with one as long as another store can tell of it. */
  async expectServed(): Promise<void> {
    for (let n = 0; n < 4; n += 1) {
      expect(await called(this.router)).toMatchObject({ status: 200 });
      const { status } = await say(this.router.url, 'f05');
      expect(this.store === 'cosmos' ? [200, 503] : [200]).toContain(status);
    }
    await eventually(`degraded by ${this.store}`, SOON, async () => {
      const { status, checks } = await this.state();
      return delay(POLL_MS, status === 'degraded' && checks[this.store]?.status === 'down');
    });
    const { detail } = (await this.state()).checks[this.store] ?? {};
    expect(detail).not.toMatch(/127\.0\.0\.1|10\.1\.2\.3|http/); // anybody may read it
  }

  async close(): Promise<void> {
    await this.router.close();
    await this.proxy.close();
  }

  private state(): Promise<Readiness> {
    return readinessOf(this.router);
  }
}

/** For each store that it cannot be used, and what it was asked when it said so for the first time. */
function expectFewLines(stores: number): void {
  expect(heard.of('stores').length).toBeLessThanOrEqual(2 * stores);
  expect(heard.of('events')).toEqual([]);
}

/** All at once; which one failed is in the message. */
async function together(cases: readonly RefusedStore[], work: (one: RefusedStore) => Promise<void>): Promise<void> {
  const named = async (one: RefusedStore): Promise<void> => {
    await work(one).catch((error: unknown) => {
      throw new Error(`${one.name}: ${(error as Error).message}`, { cause: error });
    });
  };
  await Promise.all(cases.map(named));
}

describe('work in the background', () => {
  let upstream: UpstreamServer;
  let tables: AzuriteTables;
  let cosmos: CosmosEmulator;
  let tablesProxy: HttpFaultProxy;
  const rejected: unknown[] = [];
  const onRejection = (error: unknown): number => rejected.push(error);

  beforeAll(async () => {
    process.on('unhandledRejection', onRejection);
    [upstream, tables, cosmos] = await Promise.all([
      UpstreamServer.start(),
      AzuriteTables.start(),
      CosmosEmulator.start(),
    ]);
    tablesProxy = await HttpFaultProxy.start(tables.port);
  }, SLOW);
  beforeEach(() => {
    rejected.length = 0;
    heard.lines.length = 0;
  });
  afterEach(() => tablesProxy.heal());
  afterAll(async () => {
    process.off('unhandledRejection', onRejection);
    await tablesProxy.close();
    await Promise.all([upstream.close(), tables.close(), cosmos.close()]);
  });

  it(
    'F05 Redis away and the Table endpoint refuses: the process lives through two heartbeats',
    async () => {
      tablesProxy.set({ status: 403 });
      const config = inOrder([targetOn(upstream)], {
        redis: { url: `redis://127.0.0.1:${await freePort()}` },
        tables: { connectionString: '${TABLES_CONNECTION_STRING}' },
      });
      const env = { TABLES_CONNECTION_STRING: tables.connectionString(tablesProxy.port) };
      const router = await RouterProcess.start({ config, env });
      try {
        const before = tablesProxy.faults;
        await eventually('the table was asked', SOON, () => tablesProxy.faults > before + 2);
        tablesProxy.set({ status: 404 });
        const refused = tablesProxy.faults;
        await eventually('and refused otherwise', SOON, () => tablesProxy.faults > refused + 2);
        expect(await say(router.url, 'f05')).toMatchObject({ status: 200 });
        expect(router.log.filter(({ msg }) => String(msg).includes('nobody took'))).toEqual([]);
      } finally {
        router.signal('SIGINT');
        expect(await router.exited).toMatchObject({ code: 0 });
      }
    },
    SLOW,
  );

  it(
    'F05 Tables and Cosmos refuse in every way: requests are answered, /ready says degraded, the log says it once',
    async () => {
      const cases: RefusedStore[] = [];
      for (const [name, fault] of REFUSALS) {
        cases.push(await RefusedStore.onTables(name, fault, upstream, tables));
        cases.push(await RefusedStore.onCosmos(name, fault, upstream, cosmos));
      }
      try {
        await together(cases, (one) => one.isReady());
        heard.lines.length = 0; // sixteen services that start at once may be slow to reach their stores
        for (const one of cases) one.refuse();
        await together(cases, (one) => one.expectServed());
        expectFewLines(cases.length);
        for (const one of cases) one.heal();
        await together(cases, (one) => one.isReady());
      } finally {
        await Promise.all(cases.map((one) => one.close()));
      }
      expect(rejected).toEqual([]);
      figure('F05', `${cases.length} refusals of Tables and Cosmos: rejections nobody took 0`);
    },
    SLOW,
  );

  it(
    'F05 Redis refuses in every way: requests are answered, /ready says degraded, the log says it once',
    async () => {
      const cases: RefusedStore[] = [];
      for (const reply of REPLIES) cases.push(await RefusedStore.onRedis(reply, upstream));
      try {
        await together(cases, (one) => one.expectServed());
        expectFewLines(cases.length);
      } finally {
        await Promise.all(cases.map((one) => one.close()));
      }
      expect(rejected).toEqual([]);
      figure('F05', `${cases.length} refusals of Redis: rejections nobody took 0`);
    },
    SLOW,
  );

  it(
    'F05 a name that does not resolve and a port without TLS',
    async () => {
      const [redis, nothing] = [{ url: 'redis://no-such-host.invalid:6379' }, await freePort()];
      const cosmosAt = { endpoint: `https://127.0.0.1:${tablesProxy.port}`, key: CosmosEmulator.KEY };
      const tablesAt = { connectionString: tables.connectionString(nothing) };
      const config = inOrder([targetOn(upstream)], { redis, cosmos: cosmosAt, tables: tablesAt });
      const router = await startRouter(config, heard);
      try {
        expect(await (await fetch(`${router.url}/health`)).json()).toBeDefined();
        for (const store of ['redis', 'cosmos', 'tables']) {
          await eventually(`${store} is down`, SOON, async () => {
            return (await readinessOf(router)).checks[store]?.status === 'down';
          });
        }
        const { status, checks } = await readinessOf(router);
        expect(status).toBe('degraded');
        expect(JSON.stringify(checks)).not.toMatch(/no-such-host|127\.0\.0\.1/);
      } finally {
        await router.close();
      }
      expect(rejected).toEqual([]);
    },
    SLOW,
  );
});
