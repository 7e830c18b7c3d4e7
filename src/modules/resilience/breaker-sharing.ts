import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LiveConfig } from '../../common/config/live-config.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import { RedisBreakerBoard } from './adapters/redis.breaker-board.js';
import { TargetBreakers } from './target-breakers.js';

const EVERY_MS = 1_000;

/**
 * Shares breaker states between replicas through Redis: a target that one of them found failing is open for all within a
 * second, so that 20 replicas do not each need their own failures, and closed for all once a probe was answered. Without
 * Redis, or while it is away, every replica has its own breakers and nothing else changes.
 */
@Injectable()
export class BreakerSharing implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly board: RedisBreakerBoard;
  /** Targets that are open here because another replica said so. */
  private readonly openedByOthers = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: LiveConfig,
    private readonly breakers: TargetBreakers,
    private readonly redis: RedisConnection,
  ) {
    this.board = new RedisBreakerBoard(redis);
  }

  onApplicationBootstrap(): void {
    if (!this.redis.configured) return;
    this.breakers.onOwnChange((target, state, openMs) => {
      this.openedByOthers.delete(target);
      if (state === 'open') void orAlone(this.board.postOpen(target, openMs));
      if (state === 'closed') void orAlone(this.board.postClosed(target));
    });
    this.timer = setInterval(() => void orAlone(this.look()), EVERY_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Takes over what the others found. @throws StoreUnavailable */
  async look(): Promise<void> {
    const targets = this.config.current.targets.map(({ id }) => id);
    for (const [target, entry] of await this.board.read(targets)) {
      if (entry.state === 'open' && this.breakers.openFor(target, entry.leftMs)) this.openedByOthers.add(target);
      if (entry.state === 'closed' && this.openedByOthers.delete(target)) this.breakers.close(target);
    }
  }
}

/** Redis being away is known and told by its connection; breakers work without it. */
async function orAlone(shared: Promise<void>): Promise<void> {
  await shared.catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error;
  });
}
