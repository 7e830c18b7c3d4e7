import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
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
  private readonly background = new BackgroundWork('resilience');

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
      const post = (): Promise<void> | null => {
        if (state === 'open') return this.board.postOpen(target, openMs);
        return state === 'closed' ? this.board.postClosed(target) : null;
      };
      this.background.launch('telling the other replicas of a breaker', post);
    });
    this.background.repeat('looking at the breakers of the other replicas', EVERY_MS, () => this.look());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
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
