import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { ifAvailable } from '../../common/store-unavailable.js';

const EVERY_MS = 2_000;
/** The first heartbeat waits for the connection that is being made, milliseconds. */
const FIRST_MS = 500;
/** A replica that missed so many heartbeats is taken for dead. */
const MISSED_HEARTBEATS = 5;

/** Where replicas say that they run. Every method rejects with `StoreUnavailable` while the place cannot be used. */
export interface ReplicaRegistry {
  /**
   * Says that a replica runs; that counts for `forMs` from now.
   *
   * @returns how many have said so, this one included
   */
  heartbeat(replica: string, forMs: number): Promise<number>;

  deregister(replica: string): Promise<void>;
}

/**
 * How many replicas run. Redis tells; while it is away the table does, where there is one. A number from Redis is not
 * lowered while it is away: a replica that alone cannot reach it must not take the limits of all.
 */
export class ReplicaCount implements OnModuleInit, OnApplicationShutdown {
  private readonly id = randomUUID();
  private readonly background = new BackgroundWork('quota');
  private readonly startedAt: number;
  private lastShared: number | null = null;
  private lastStandIn: number | null = null;

  /**
   * @param standIn asked while `shared` cannot be
   * @param now milliseconds of a monotonic clock
   * @param expected replicas, until a registry has told; while this one has only just started, at least so many
   */
  constructor(
    private readonly shared: ReplicaRegistry,
    private readonly standIn: ReplicaRegistry | null,
    private readonly expected: number,
    private readonly now = (): number => performance.now(),
  ) {
    this.startedAt = now();
  }

  /** At least 1: this one. */
  get value(): number {
    const { lastShared, lastStandIn, expected } = this;
    const told = Math.max(lastShared ?? 1, lastStandIn ?? 1);
    if (lastShared === null && lastStandIn === null) return expected;
    // the others may only just be starting, too
    return this.now() - this.startedAt < MISSED_HEARTBEATS * EVERY_MS ? Math.max(told, expected) : told;
  }

  onModuleInit(): void {
    const heartbeat = () => this.heartbeat();
    this.background.after('the first heartbeat of this replica', FIRST_MS, heartbeat);
    this.background.repeat('the heartbeat of this replica', EVERY_MS, heartbeat);
  }

  async onApplicationShutdown(): Promise<void> {
    const { shared, standIn } = this;
    await this.background.stop();
    await ifAvailable(() => shared.deregister(this.id), null);
    if (standIn && this.lastStandIn !== null) await ifAvailable(() => standIn.deregister(this.id), null);
  }

  /** Says that this replica runs, and counts. */
  async heartbeat(): Promise<void> {
    const { shared, standIn } = this;
    const beat = (registry: ReplicaRegistry) => registry.heartbeat(this.id, MISSED_HEARTBEATS * EVERY_MS);
    const told = await ifAvailable(() => beat(shared), null);
    if (told !== null) {
      this.lastShared = told;
      this.lastStandIn = null;
    } else if (standIn) {
      this.lastStandIn = await ifAvailable(() => beat(standIn), this.lastStandIn);
    }
  }
}
