import type { RedisConnection } from '../../../common/redis/redis-connection.js';

/** One hash tag, so that a cluster keeps all of them on one node and one pipeline reads them. */
const keyOf = (target: string): string => `{breakers}:${target}`;
const CLOSED_FOR_MS = 10_000;

/** What the other replicas found out about a target. */
export type BoardEntry = { readonly state: 'open'; readonly leftMs: number } | { readonly state: 'closed' };

/** Breaker states in Redis. Times are kept as times to live, so that no clocks are compared. */
export class RedisBreakerBoard {
  constructor(private readonly redis: RedisConnection) {}

  /** @param openMs until the next probe @throws StoreUnavailable */
  async postOpen(target: string, openMs: number): Promise<void> {
    await this.redis.run((client) => client.set(keyOf(target), 'open', 'PX', Math.max(1, Math.round(openMs))));
  }

  /** The target is well again; told for 10 s, which every replica sees. @throws StoreUnavailable */
  async postClosed(target: string): Promise<void> {
    await this.redis.run((client) => client.set(keyOf(target), 'closed', 'PX', CLOSED_FOR_MS));
  }

  /** Entries by target; those without one are left out. @throws StoreUnavailable */
  async read(targets: readonly string[]): Promise<Map<string, BoardEntry>> {
    const entries = new Map<string, BoardEntry>();
    if (targets.length === 0) return entries;
    const replies = await this.redis.run(async (client) => {
      const pipeline = client.pipeline();
      for (const target of targets) pipeline.get(keyOf(target)).pttl(keyOf(target));
      return (await pipeline.exec()) ?? [];
    });
    targets.forEach((target, i) => {
      const state = replies[2 * i]?.[1];
      const leftMs = Number(replies[2 * i + 1]?.[1]);
      if (state === 'closed') entries.set(target, { state });
      if (state === 'open' && leftMs > 0) entries.set(target, { state, leftMs });
    });
    return entries;
  }
}
