import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { hasRedis } from '../../bench/redis-here.js';
import { freePort } from '../../test/support/free-port.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { RouterProcess, type RouterConfigInput } from '../../test/support/router-process.js';
import { UsageError } from '../command.js';
import { startChildServer } from './child-server.js';
import type { LocalPlan } from './plan.js';

const READY_MS = 30_000;
const POLL_MS = 25;
const STOP_MS = 90_000;
const ENDLESS = 1_000_000_000;
const LIMITLESS = {
  requestsPerMinute: ENDLESS,
  tokensPerMinute: ENDLESS * 1000,
  concurrent: 1_000_000,
  usdPerMonth: ENDLESS,
};

/** Two models of one simulated server, a cheap quick one and a dear slow one. */
function simulatedConfig(server: string, keys: readonly string[]): RouterConfigInput {
  const target = (id: string, tier: 'local' | 'cloud', input: number, output: number) => ({
    ...{ id, tier, model: id, baseUrl: `${server}/${id}/v1`, price: { input, output }, concurrency: 5_000 },
  });
  return {
    targets: [target('small', 'local', 0.1, 0.4), target('large', 'cloud', 2, 8)],
    models: [{ name: 'auto', strategy: 'hybrid', targets: ['small', 'large'] }],
    auth: {
      keys: keys.map((key, index) => ({
        ...{ id: `load-${index + 1}`, user: `load-${index + 1}`, tenant: 'load' },
        ...{ sha256: hash('sha256', key), scopes: ['chat' as const], limits: LIMITLESS },
      })),
    },
    limits: LIMITLESS,
  };
}

/** @throws UsageError where the file is no YAML of a configuration */
function configFrom(file: string): RouterConfigInput {
  const text = readFileSync(file, 'utf8');
  try {
    return (parse(text) ?? {}) as RouterConfigInput;
  } catch (error) {
    throw new UsageError(`--config ${file}: is no YAML; npm run config:check says where`, { cause: error });
  }
}

const environment = (): Record<string, string> =>
  Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));

class Replica {
  private router: RouterProcess | null = null;

  constructor(
    private readonly port: number,
    private readonly config: RouterConfigInput,
    private readonly env: Readonly<Record<string, string>>,
    private readonly dataDir: string,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves when it serves. @throws Error with its output when it does not */
  async start(stop: AbortSignal): Promise<void> {
    const { port, env, dataDir } = this;
    const config = { ...this.config, server: { ...this.config.server, host: '127.0.0.1', port } };
    this.router = await RouterProcess.start({ config, env, dataDir, startWithinMs: READY_MS });
    const end = performance.now() + READY_MS;
    while (!stop.aborted && !(await this.isReady())) {
      if (performance.now() > end) throw new Error(`the replica at ${this.url} was not ready within ${READY_MS} ms`);
      await delay(POLL_MS);
    }
  }

  /** Resolves when it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { router } = this;
    this.router = null;
    await (signal === 'SIGKILL' ? router?.kill() : router?.stop(STOP_MS));
  }

  private async isReady(): Promise<boolean> {
    const response = await fetch(`${this.url}/ready`).catch(() => null);
    await response?.arrayBuffer();
    return response?.status === 200;
  }
}

/** Replicas of the built service that share a Redis, behind a round-robin proxy; everything on the loopback. */
export class LocalFleet {
  url = '';
  private readonly replicas: Replica[] = [];
  /** Everything that was started, to be ended in this order. */
  private readonly started: { end(): Promise<unknown> }[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'router-loadtest-'));

  /**
   * @param keys that the simulated configuration lets in
   * @param stop what is waited for is given up
   */
  static async start(plan: LocalPlan, keys: readonly string[], stop: AbortSignal): Promise<LocalFleet> {
    if (!hasRedis()) {
      throw new UsageError('--local needs redis-server on PATH: install it (Debian: apt-get install redis-server)');
    }
    const fleet = new LocalFleet();
    try {
      await fleet.begin(plan, keys, stop);
      return fleet;
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  get urls(): readonly string[] {
    return this.replicas.map(({ url }) => url);
  }

  /**
   * Ends the last replica and starts it again on its port and data.
   *
   * @param say told as it goes
   */
  async replaceOne(signal: 'SIGKILL' | 'SIGTERM', stop: AbortSignal, say: (what: string) => void): Promise<void> {
    const replica = this.replicas.at(-1) as Replica;
    say(`replica ${this.replicas.length} gets ${signal}`);
    await replica.end(signal);
    say(`replica ${this.replicas.length} is gone`);
    if (stop.aborted) return;
    await replica.start(stop);
    say(`replica ${this.replicas.length} serves again`);
  }

  /** What the replicas have written goes with them. */
  async close(): Promise<void> {
    for (const one of this.started.reverse()) await one.end();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async begin(
    { replicas: count, configFile }: LocalPlan,
    keys: readonly string[],
    stop: AbortSignal,
  ): Promise<void> {
    const config =
      configFile === null ? simulatedConfig(await this.child('model-server'), keys) : configFrom(configFile);
    const redis = await RedisServer.start();
    this.started.push({ end: () => redis.close() });
    const shared = { ...config, redis: { ...config.redis, url: redis.url } };
    const env = configFile === null ? {} : environment();
    for (let n = 1; n <= count && !stop.aborted; n += 1) {
      const replica = new Replica(await freePort(), shared, env, join(this.directory, `replica-${n}`));
      this.replicas.push(replica);
      this.started.push({ end: () => replica.end('SIGKILL') });
      await replica.start(stop); // one after the other: those that start together share the time they have
    }
    this.url = await this.child('round-robin', this.urls);
  }

  private async child(name: 'round-robin' | 'model-server', args: readonly string[] = []): Promise<string> {
    const server = await startChildServer(name, args);
    this.started.push(server);
    return server.url;
  }
}
