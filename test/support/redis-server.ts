import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { RedisConnection } from '../../src/common/redis/redis-connection.js';
import type { ServerCertificate } from './certificates.js';
import { freePort } from './free-port.js';
import { asOnItsOwnMachine } from './own-machine.js';
import { eventually } from './router-calls.js';

const START_MS = 10_000;

/** A real redis-server as a process of its own, on the loopback, that can be killed, frozen and brought back. */
export class RedisServer {
  private child: ChildProcess | null = null;
  private readonly directory = mkdtempSync(join(tmpdir(), 'router-redis-'));

  private constructor(
    readonly port: number,
    private readonly args: readonly string[],
    private readonly tls: ServerCertificate | null,
  ) {}

  /**
   * @param args further options, such as `--maxmemory 5mb` as two items
   * @param tls makes it speak TLS and nothing else
   */
  static async start(args: readonly string[] = [], tls: ServerCertificate | null = null): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), args, tls);
    await server.run();
    return server;
  }

  get url(): string {
    return `${this.tls ? 'rediss' : 'redis'}://127.0.0.1:${this.port}`;
  }

  /** Starts it (again) on its port, empty; resolves once it answers. */
  async run(): Promise<void> {
    const options = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.directory];
    const args = [...options, ...this.listening, ...this.args];
    this.child = asOnItsOwnMachine(spawn('redis-server', args, { stdio: 'ignore' }));
    const client = this.client();
    const failed = once(this.child, 'error').then(([error]) => Promise.reject(error as Error));
    const late = AbortSignal.timeout(START_MS);
    try {
      await Promise.race([failed, client.ping(), once(late, 'abort').then(() => Promise.reject(late.reason as Error))]);
    } finally {
      client.disconnect();
    }
  }

  /** A client of the test's own, that waits for the server. The test closes it. */
  client(): Redis {
    const client = new Redis({
      port: this.port,
      host: '127.0.0.1',
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
      ...(this.tls ? { tls: { rejectUnauthorized: false } } : {}), // what it presents is the test's own choice
    });
    client.on('error', () => undefined);
    return client;
  }

  /** Shows another certificate to every connection from now on. */
  async present({ certFile, keyFile }: ServerCertificate): Promise<void> {
    const client = this.client();
    await client.call('CONFIG', 'SET', 'tls-cert-file', certFile, 'tls-key-file', keyFile);
    client.disconnect();
  }

  /** SIGKILL: everything it held is gone. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private get listening(): string[] {
    const port = String(this.port);
    if (!this.tls) return ['--port', port];
    const { certFile, keyFile, caFile } = this.tls;
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile];
    return ['--port', '0', '--tls-port', port, ...files, '--tls-auth-clients', 'no', '--tls-cluster', 'yes'];
  }
}

/** The service's own connection, once it answers. The test closes it. */
export async function connectedTo({ url }: { readonly url: string }, cluster = false): Promise<RedisConnection> {
  const redis = new RedisConnection(routerConfigSchema.parse({ redis: { url, cluster } }).redis);
  redis.onApplicationBootstrap();
  await eventually('connected to Redis', START_MS, async () => (await redis.check()).healthy);
  return redis;
}
