import { randomUUID } from 'node:crypto';
import { BackgroundWork } from '../../common/background-work.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import type { ReplicaBoard } from './replica-board.js';

const EVERY_MS = 2_000;
/** The first call waits for the connection that is being made, milliseconds. */
const FIRST_MS = 500;
/** A replica that missed so many calls of the roll is taken for dead. */
const MISSED_CALLS = 5;

/**
 * How many replicas run. Redis tells; while it is away the table does, where there is one. A number from Redis is not
 * lowered while it is away: a replica that alone cannot reach it must not take the limits of all.
 */
export class ReplicaRoll {
  private readonly id = randomUUID();
  private readonly background = new BackgroundWork('quota');
  private calling: Promise<void> | null = null;
  private lastShared: number | null = null;
  private lastStandIn: number | null = null;

  /**
   * @param standIn asked while `shared` cannot be
   * @param expected replicas, until a board has told
   */
  constructor(
    private readonly shared: ReplicaBoard,
    private readonly standIn: ReplicaBoard | null,
    private readonly expected: number,
  ) {}

  /** At least 1: this one. */
  get count(): number {
    const { lastShared, lastStandIn } = this;
    return lastShared === null && lastStandIn === null ? this.expected : Math.max(lastShared ?? 1, lastStandIn ?? 1);
  }

  start(): void {
    const call = () => this.call();
    this.background.after('calling the roll of replicas', FIRST_MS, call);
    this.background.repeat('calling the roll of replicas', EVERY_MS, call);
  }

  /** Announces this replica and counts; calls never overlap. */
  call(): Promise<void> {
    this.calling ??= this.announce().finally(() => (this.calling = null));
    return this.calling;
  }

  async close(): Promise<void> {
    await this.background.stop();
    await orNull(this.shared.leave(this.id));
    if (this.standIn && this.lastStandIn !== null) await orNull(this.standIn.leave(this.id));
  }

  private async announce(): Promise<void> {
    const shared = await orNull(this.shared.announce(this.id, MISSED_CALLS * EVERY_MS));
    if (shared !== null) {
      this.lastShared = shared;
      this.lastStandIn = null;
      return;
    }
    const standIn = this.standIn && (await orNull(this.standIn.announce(this.id, MISSED_CALLS * EVERY_MS)));
    this.lastStandIn = standIn ?? this.lastStandIn;
  }
}

/** `null` while the board is away. */
async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof StoreUnavailable) return null;
    throw error;
  }
}
