import { randomUUID } from 'node:crypto';
import type { RedisConnection } from './redis-connection.js';

const PAGE = 500;
/** What a replica tells the others; the names are `by` and others. */
export type News = ReadonlyMap<string, string>;

/**
 * Tells every replica what another one has done, through a Redis stream. A replica reads on from where it was, so one that
 * had lost Redis misses nothing; what was told before it started does not concern it. Every method rejects with
 * `StoreUnavailable` while Redis cannot be used.
 */
export class RedisFeed {
  private readonly replica = randomUUID();
  private last: string;
  /** The last of what `news` gave out. */
  private latest: string;

  /**
   * @param keptMs how long news can be read
   * @param slackMs how far the clock of Redis may be behind ours: so much from before the start is read, too
   */
  constructor(
    private readonly redis: RedisConnection,
    private readonly stream: string,
    private readonly keptMs: number,
    slackMs: number,
  ) {
    this.last = this.latest = `${Date.now() - slackMs}-0`;
  }

  async post(news: Readonly<Record<string, string>>): Promise<void> {
    const trim = ['MINID', '~', String(Math.max(0, Date.now() - this.keptMs))] as const;
    const fields = [...Object.entries(news).flat(), 'by', this.replica];
    await this.redis.run((client) => client.xadd(this.stream, ...trim, '*', ...fields));
  }

  /** What other replicas have told since `done`, oldest first; at most 500, the rest comes with the next call. */
  async news(): Promise<News[]> {
    const entries = await this.redis.run((client) => client.xrange(this.stream, `(${this.last}`, '+', 'COUNT', PAGE));
    this.latest = entries.at(-1)?.[0] ?? this.last;
    return entries.map(([, fields]) => byName(fields)).filter((news) => news.get('by') !== this.replica);
  }

  /** The news that were given out last need not come again. */
  done(): void {
    this.last = this.latest;
  }
}

const byName = (flat: readonly string[]): News =>
  new Map(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ''] as const] : [])));
