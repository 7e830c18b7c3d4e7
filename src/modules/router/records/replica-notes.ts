import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { BoundedMap } from '../../../common/bounded-map.js';
import { BackgroundWork } from '../../../common/background-work.js';
import { RedisConnection } from '../../../common/redis/redis-connection.js';
import { ifAvailable } from '../../../common/store-unavailable.js';

/** Notes on their way to Redis; the oldest is lost when it does not take them. */
const MOST_WAITING = 5_000;
/** Written together, so that a request costs no round trip of its own. */
const WRITE_MS = 20;
/** How long a note is kept, seconds. */
const KEPT_SECONDS = 3_600;

/**
 * Small things that one replica tells the others through Redis, where there is one: kept for an hour, written behind the
 * answer, lost when Redis is away. Nothing that must not be lost is a note.
 */
@Injectable()
export class ReplicaNotes implements OnApplicationShutdown {
  private readonly background = new BackgroundWork('router');
  private readonly waiting = new BoundedMap<string, string>(MOST_WAITING);

  constructor(private readonly redis: RedisConnection) {}

  /** Whether there are other replicas to tell. */
  get areShared(): boolean {
    return this.redis.configured;
  }

  /** @param name of fixed length and harmless characters, such as a digest */
  put(kind: string, name: string, value: string): void {
    if (!this.redis.configured) return;
    this.waiting.set(keyOf(kind, name), value);
    this.background.soon('telling other replicas', WRITE_MS, () => this.write());
  }

  /** `null` when no replica noted it, or Redis is away. */
  async find(kind: string, name: string): Promise<string | null> {
    if (!this.redis.configured) return null;
    const key = keyOf(kind, name);
    const own = this.waiting.get(key);
    if (own !== undefined) return own;
    return ifAvailable(() => this.redis.run((client) => client.get(key)), null);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  private async write(): Promise<void> {
    const notes = [...this.waiting];
    this.waiting.clear();
    await this.redis.run((client) =>
      Promise.all(notes.map(([key, value]) => client.set(key, value, 'EX', KEPT_SECONDS))),
    );
  }
}

const keyOf = (kind: string, name: string): string => `router:${kind}:${name}`;
