import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import type { BreakerState, TargetStatus } from '../../common/target.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { RedisBreakerStore } from './adapters/redis.breaker-store.js';
import { TargetBreakers, type GuardsListener, type ProbeClaim } from './target-breakers.js';

const EVERY_MS = 1_000;
/** A shorter rest is over before another replica has looked. */
const SHARED_REST_MS = 500;

/**
 * Shares between replicas through Redis what they find out about targets: one that fails is open for all within a second,
 * so that 20 replicas do not each need their own failures, one replica at a time probes it, and it is closed for all once a
 * probe was answered; one that asked for rest is left alone by all. Without Redis, or while it is away, every replica has
 * its own guards and nothing else changes.
 */
@Injectable()
export class BreakerSharing implements GuardsListener, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly store: RedisBreakerStore;
  private readonly background = new BackgroundWork('resilience');

  constructor(
    private readonly queries: QueryBus,
    private readonly breakers: TargetBreakers,
    private readonly redis: RedisConnection,
  ) {
    this.store = new RedisBreakerStore(redis);
  }

  onApplicationBootstrap(): void {
    if (!this.redis.configured) return;
    this.breakers.listen(this);
    this.background.repeat('looking at the breakers of the other replicas', EVERY_MS, () => this.look());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  breakerChanged(target: TargetStatus, state: BreakerState, openMs: number, probes: number): void {
    if (state === 'half_open') return;
    const until = performance.now() + openMs; // this replica's own wait has begun; a busy one tells of it later
    this.post(target, 'telling the other replicas of a breaker', () =>
      state === 'open'
        ? this.store.postOpen(this.nameOf(target), until - performance.now(), probes)
        : this.store.postClosed(this.nameOf(target)),
    );
  }

  restBegan(target: TargetStatus, ms: number): void {
    if (ms < SHARED_REST_MS) return;
    this.post(target, 'telling the other replicas of a rest', () => this.store.postRest(this.nameOf(target), ms));
  }

  claimProbe(target: TargetStatus): Promise<ProbeClaim> {
    return ifAvailable(() => this.store.claimProbe(this.nameOf(target)), { waitMs: 0, lease: null });
  }

  releaseProbe(target: TargetStatus, lease: string): void {
    const name = this.nameOf(target);
    this.post(target, 'leaving a probe to the other replicas', () => this.store.releaseProbe(name, lease));
  }

  /** Takes over what the others found, and tells what they do not know. @throws StoreUnavailable */
  async look(): Promise<void> {
    const targets = await this.queries.execute(new ListTargetsQuery());
    const entries = await this.store.read(targets.map((target) => this.nameOf(target)));
    for (const target of targets) {
      const { breaker = null, restMs = 0 } = entries.get(this.nameOf(target)) ?? {};
      if (breaker?.state === 'open') this.breakers.openFor(target, breaker.leftMs, breaker.probes);
      if (breaker?.state === 'closed') this.breakers.closedSince(target, breaker.agoMs);
      if (restMs > 0) this.breakers.of(target).rest.restFor(restMs);
      await this.tellAgain(target, breaker !== null, restMs > 0);
    }
  }

  /** What was found out while Redis was away is told late; what is over soon is not. @throws StoreUnavailable */
  private async tellAgain(target: TargetStatus, breakerIsTold: boolean, restIsTold: boolean): Promise<void> {
    const { breaker, rest, sharedName } = this.breakers.of(target);
    if (!breakerIsTold && target.openForMs > SHARED_REST_MS) {
      await this.store.postOpen(sharedName, target.openForMs, breaker.probesSoFar);
    }
    if (!restIsTold && rest.leftMs > SHARED_REST_MS) await this.store.postRest(sharedName, rest.leftMs);
  }

  private nameOf(target: TargetStatus): string {
    return this.breakers.of(target).sharedName;
  }

  /** A target that a reload has taken out meanwhile is nobody else's any more; its id may be another's. */
  private post(target: TargetStatus, what: string, work: () => Promise<void>): void {
    this.background.launch(what, async () => {
      const targets = await this.queries.execute(new ListTargetsQuery());
      if (targets.some(({ deployment }) => deployment === target.deployment)) await work();
    });
  }
}
