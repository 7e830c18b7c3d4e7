import type { RedisServer } from './redis-server.js';

/** The users of one server, or of all nodes of a cluster, as its operator sees them. */
export class RedisAccounts {
  constructor(private readonly nodes: readonly RedisServer[]) {}

  /** Changes what the user may sign in with: `>token` adds, `<token` takes away; who is signed in stays so. */
  async change(user: string, ...rules: string[]): Promise<void> {
    await this.ask(this.nodes, 'ACL', 'SETUSER', user, 'on', '~*', '&*', '+@all', ...rules);
  }

  /** Ids of the user's connections, by node. */
  async connectionsOf(user: string): Promise<string[][]> {
    const lists = await this.ask(this.nodes, 'CLIENT', 'LIST');
    return lists.map((list) => {
      const lines = list.split('\n').filter((line) => line.includes(` user=${user} `));
      return lines.map((line) => /^id=(\d+)/.exec(line)![1]!).sort();
    });
  }

  /** Drops the connections of a user, of all nodes or of the one. */
  async drop(user: string, node?: number): Promise<void> {
    const nodes = node === undefined ? this.nodes : [this.nodes[node]!];
    await this.ask(nodes, 'CLIENT', 'KILL', 'USER', user);
  }

  /** AUTH commands since the server began, by node. */
  async signIns(): Promise<{ calls: number; failed: number }[]> {
    const stats = await this.ask(this.nodes, 'INFO', 'commandstats');
    return stats.map((text) => {
      const [, calls = 0, failed = 0] = /cmdstat_auth:calls=(\d+).*failed_calls=(\d+)/.exec(text) ?? [];
      return { calls: Number(calls), failed: Number(failed) };
    });
  }

  private ask(nodes: readonly RedisServer[], command: string, ...args: string[]): Promise<string[]> {
    return Promise.all(
      nodes.map(async (node) => {
        const client = node.client();
        try {
          return String(await client.call(command, ...args));
        } finally {
          client.disconnect();
        }
      }),
    );
  }
}
