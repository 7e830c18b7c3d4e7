import { fork, type ChildProcess } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { hasRedis } from '../../bench/redis-here.js';
import { freePort } from '../../test/support/free-port.js';
import { RedisServer } from '../../test/support/redis-server.js';
import { RouterProcess, type RouterConfigInput } from '../../test/support/router-process.js';
import { UsageError } from '../command.js';
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

/** Two simulated models, a free small and a dear large one, at the pace of quick real ones. */
function simulatedConfig(keys: readonly string[]): RouterConfigInput {
  const target = { provider: 'simulated', concurrency: 5_000, pace: { firstTokenMs: 20, tokenMs: 2 } } as const;
  return {
    targets: [
      { ...target, id: 'small', tier: 'local', model: 'simulated-small', price: { input: 0.1, output: 0.4 } },
      { ...target, id: 'large', tier: 'cloud', model: 'simulated-large', price: { input: 2, output: 8 } },
    ],
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
  private constructor(
    readonly url: string,
    private readonly replicas: readonly Replica[],
    private readonly redis: RedisServer,
    private readonly proxy: ChildProcess,
    private readonly directory: string,
  ) {}

  /**
   * @param keys that the simulated configuration lets in
   * @param stop what is waited for is given up, and what was started is ended
   */
  static async start(
    { replicas: count, configFile }: LocalPlan,
    keys: readonly string[],
    stop: AbortSignal,
  ): Promise<LocalFleet> {
    if (!hasRedis()) {
      throw new UsageError('--local needs redis-server on PATH: install it (Debian: apt-get install redis-server)');
    }
    const config = configFile === null ? simulatedConfig(keys) : configFrom(configFile);
    const directory = mkdtempSync(join(tmpdir(), 'router-loadtest-'));
    const begun: { end(): Promise<unknown> }[] = [];
    try {
      const redis = await RedisServer.start();
      begun.push({ end: () => redis.close() });
      const shared = { ...config, redis: { ...config.redis, url: redis.url } };
      const env = configFile === null ? {} : environment();
      const replicas: Replica[] = [];
      for (let n = 0; n < count; n += 1) {
        const replica = new Replica(await freePort(), shared, env, join(directory, `replica-${n + 1}`));
        replicas.push(replica);
        begun.push({ end: () => replica.end('SIGKILL') });
        await replica.start(stop); // one after the other: two that start share the time limit of both
      }
      const proxy = await startProxy(replicas.map(({ url }) => url));
      return new LocalFleet(proxy.url, replicas, redis, proxy.child, directory);
    } catch (error) {
      await Promise.all(begun.map((it) => it.end()));
      rmSync(directory, { recursive: true, force: true });
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

  async close(): Promise<void> {
    this.proxy.kill('SIGKILL');
    await Promise.all(this.replicas.map((replica) => replica.end('SIGKILL'))); // their data goes with them
    await this.redis.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function startProxy(urls: readonly string[]): Promise<{ url: string; child: ChildProcess }> {
  const file = `./round-robin.process${extname(fileURLToPath(import.meta.url))}`;
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [...urls], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the proxy ended with ${code}`)));
  ended.catch(() => undefined);
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ url: string }];
  return { url: message.url, child };
}
