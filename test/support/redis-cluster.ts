import type { Redis } from 'ioredis';
import type { ServerCertificate } from './certificates.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';
import { eventually } from './router-calls.js';

const SLOTS = 16_384;
const FORM_MS = 15_000;

/** Real redis-servers that form a cluster, every one a master of its share of the slots. */
export class RedisCluster {
  private constructor(readonly nodes: readonly RedisServer[]) {}

  static async start(masters = 1, tls: ServerCertificate | null = null): Promise<RedisCluster> {
    const nodes: RedisServer[] = [];
    const buses: number[] = [];
    for (let n = 0; n < masters; n += 1) {
      const bus = await freePort(); // the default, 10000 above the other port, does not always exist
      const options = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--cluster-port', String(bus)];
      nodes.push(await RedisServer.start(options, tls));
      buses.push(bus);
    }
    const cluster = new RedisCluster(nodes);
    await cluster.onEach(async (client, n) => {
      const [first, next] = [n, n + 1].map((i) => Math.floor((i * SLOTS) / masters)) as [number, number];
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, next - 1);
      if (n > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', nodes[0]!.port, buses[0]!);
    });
    await eventually('every node knows the whole cluster', FORM_MS, async () => {
      const states = await cluster.onEach(async (client) => String(await client.call('CLUSTER', 'INFO')));
      const whole = ['cluster_state:ok', `cluster_known_nodes:${masters}`];
      return states.every((state) => whole.every((line) => state.includes(line)));
    });
    return cluster;
  }

  /** Of one node; a cluster client asks it for the others. */
  get url(): string {
    return this.nodes[0]!.url;
  }

  /** Runs with a client of each node in turn. */
  async onEach<T>(work: (client: Redis, n: number) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    for (const [n, node] of this.nodes.entries()) {
      const client = node.client();
      try {
        results.push(await work(client, n));
      } finally {
        client.disconnect();
      }
    }
    return results;
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }
}
