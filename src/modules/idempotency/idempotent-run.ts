import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DeadlineExceeded } from '../../common/app-error.js';
import { BackgroundWork, type ScheduledWork } from '../../common/background-work.js';
import type { IdempotencyStore, StoredAnswer } from './idempotency-store.js';

/** A replica that dies gives its keys back after so long, milliseconds. */
const LEASE_MS = 15_000;
const RENEW_MS = 5_000;
/** How often one that waits for another's answer asks, milliseconds. */
const POLL_MS = 50;
/** Answers are kept for a day, as the SDKs of the field expect. */
const KEEP_MS = 86_400_000;

const background = new BackgroundWork('idempotency');

/** One try to answer one key. */
export class IdempotentRun {
  private readonly logger = new Logger('idempotency');
  private renewal: ScheduledWork | null = null;

  constructor(
    private readonly store: IdempotencyStore,
    private readonly name: string,
    private readonly fingerprint: string,
    private readonly owner: string,
  ) {}

  /**
   * Takes the key, or waits for the answer of the one who has it; when that one fails, takes it over.
   *
   * @param signal aborts when the caller goes away
   * @throws StoreUnavailable
   */
  async begin(signal: AbortSignal): Promise<'begun' | 'other' | StoredAnswer> {
    for (;;) {
      const claim = await this.store.claim(this.name, this.fingerprint, this.owner, LEASE_MS);
      if (claim.state === 'done') return claim.answer;
      if (claim.state === 'begun') this.keepLease();
      if (claim.state !== 'running') return claim.state;
      if (signal.aborted) throw new DeadlineExceeded('The caller went away.');
      await delay(POLL_MS);
    }
  }

  async complete(answer: StoredAnswer): Promise<void> {
    this.endLease();
    await this.quietly(() => this.store.complete(this.name, this.owner, answer, KEEP_MS));
  }

  async release(): Promise<void> {
    this.endLease();
    await this.quietly(() => this.store.release(this.name, this.owner));
  }

  private keepLease(): void {
    const renew = () => this.store.renew(this.name, this.owner, LEASE_MS);
    this.renewal = background.repeat('holding a key', RENEW_MS, renew);
  }

  private endLease(): void {
    this.renewal?.stop();
  }

  /** The answer goes out all the same; a key that was not kept is only a duplicate that is not recognised. */
  private async quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn(`a key was not kept: ${(error as Error).message}`);
    }
  }
}
