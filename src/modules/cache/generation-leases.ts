import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { RedisGenerationLeases, RENEW_EVERY_MS, type LeaseClaim } from './adapters/redis.generation-leases.js';
import { CacheSecret } from './cache-secret.js';

/**
 * The leases of the answers that this replica makes, renewed until they are given back, and who of this replica waits for the
 * end of another one's. Methods that ask Redis reject with `StoreUnavailable` while it cannot be used.
 */
@Injectable()
export class GenerationLeases implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly leases: RedisGenerationLeases;
  private readonly background = new BackgroundWork('cache');
  /** Names of answers by the owners of their leases. */
  private readonly held = new Map<string, string>();
  /** By name: what to call at its end. */
  private readonly waiting = new Map<string, Set<() => void>>();

  constructor(
    private readonly redis: RedisConnection,
    private readonly secret: CacheSecret,
  ) {
    this.leases = new RedisGenerationLeases(redis);
  }

  onApplicationBootstrap(): void {
    if (!this.redis.configured) return;
    this.background.repeat('holding the leases of answers', RENEW_EVERY_MS, () => this.renew());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  /** Hears of the ends of other replicas' generations from now on. */
  listen(): void {
    this.leases.listen((name) => this.tell(name));
  }

  /** Whether this replica would be told of an end now. */
  get hears(): boolean {
    return this.redis.hears;
  }

  /** Takes the lease unless somebody has it. It is held until `release`. */
  async claim(key: string): Promise<LeaseClaim> {
    const name = this.secret.nameOf(key);
    const claim = await this.leases.claim(name);
    if (claim.isOurs) this.held.set(claim.owner, name);
    return claim;
  }

  /** Gives it back, and wakes those who wait for it. @param claim `null`, or one that is not ours: nothing happens */
  async release(claim: Pick<LeaseClaim, 'owner'> | null): Promise<void> {
    const name = claim && this.held.get(claim.owner);
    if (!name) return;
    this.held.delete(claim.owner);
    await this.leases.release(name, claim.owner);
  }

  /** As `release`, for those who cannot wait. */
  releaseSoon(claim: Pick<LeaseClaim, 'owner'> | null): void {
    if (claim && this.held.has(claim.owner)) this.background.launch('giving a lease back', () => this.release(claim));
  }

  /**
   * Calls `wake` when the generation of the key ends on another replica, until the returned function is called. Word can be
   * lost, so the lease is looked at as well.
   */
  watch(key: string, wake: () => void): () => void {
    const name = this.secret.nameOf(key);
    const watchers = this.waiting.get(name) ?? new Set();
    this.waiting.set(name, watchers.add(wake));
    return () => {
      watchers.delete(wake);
      if (watchers.size === 0 && this.waiting.get(name) === watchers) this.waiting.delete(name);
    };
  }

  /** @param name from outside */
  private tell(name: string): void {
    for (const wake of this.waiting.get(name) ?? []) wake();
  }

  private async renew(): Promise<void> {
    await Promise.all([...this.held].map(([owner, name]) => this.leases.renew(name, owner)));
  }
}
