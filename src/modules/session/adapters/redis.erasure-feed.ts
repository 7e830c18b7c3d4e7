import type { RedisConnection } from '../../../common/redis/redis-connection.js';
import { RedisFeed, type News } from '../../../common/redis/redis-feed.js';
import type { SessionKey } from '../../../common/session-id.js';
import { CLOCK_SLACK_MS } from '../erasure.js';
import { ERASURE_MARK_MS } from '../turn-store.js';

/** `at`: epoch milliseconds, by the clock of the replica that erased. */
type Erasure = Readonly<{ key: SessionKey; at: number }>;

/** Tells every replica of erasures. Every method rejects with `StoreUnavailable` while Redis cannot be used. */
export class RedisErasureFeed {
  private readonly feed: RedisFeed;

  constructor(redis: RedisConnection) {
    this.feed = new RedisFeed(redis, '{erasures}:sessions', ERASURE_MARK_MS, CLOCK_SLACK_MS);
  }

  post({ tenant, sessionId }: SessionKey, at: number): Promise<void> {
    return this.feed.post({ tenant, session: sessionId, at: String(at) });
  }

  /** Once each. */
  async news(): Promise<Erasure[]> {
    const news = await this.feed.news();
    this.feed.done();
    return news.flatMap(erasureIn);
  }
}

function erasureIn(news: News): Erasure[] {
  const [tenant, sessionId] = [news.get('tenant'), news.get('session')];
  if (tenant === undefined || sessionId === undefined) return [];
  return [{ key: { tenant, sessionId }, at: Number(news.get('at')) }];
}
