import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { DeadlineExceeded } from '../../common/app-error.js';
import { BackgroundWork, type ScheduledWork } from '../../common/background-work.js';
import { inTime } from '../../common/in-time.js';
import type { IdempotencyStore, KeyName, StoredAnswer } from './idempotency-store.js';
import { ownWords } from '../../common/logging/outside-text.js';

/** A replica that dies gives its keys back after so long, milliseconds. */
const LEASE_MS = 15_000;
const RENEW_MS = 5_000;
/** Who waits is told of the end; this often it looks by itself, as word between replicas can be lost. Milliseconds. */
const LOOK_MS = 1_000;
/** Answers are kept for a day, as the SDKs of the field expect. */
const KEEP_MS = 86_400_000;

const logger = new Logger('idempotency');
const background = new BackgroundWork('idempotency');

/**
 * One try to answer one key. Once it has the key it gives it back exactly once: with the answer, without one, or when the
 * caller goes away, whatever the request was doing.
 */
export class IdempotentRun {
  private readonly owner = randomUUID();
  private renewal: ScheduledWork | null = null;

  /** @param signal aborts when nobody waits for the answer any more */
  constructor(
    private readonly store: IdempotencyStore,
    private readonly key: KeyName,
    private readonly fingerprint: string,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Takes the key, or waits for the answer of the one who has it; when that one fails, takes it over.
   *
   * @param deadlineAt `performance.now()` milliseconds
   * @throws StoreUnavailable, DeadlineExceeded, the signal's reason
   */
  async begin(deadlineAt: number): Promise<'claimed' | 'other' | StoredAnswer> {
    let claim = await this.claim();
    while (claim.state === 'running') {
      const watch = this.store.watch(this.key);
      try {
        claim = await this.claim(); // it may have ended before the watch began
        if (claim.state === 'running') await this.ended(watch.ended, deadlineAt);
      } finally {
        watch.close();
      }
    }
    return claim.state === 'done' ? claim.answer : claim.state;
  }

  async complete(answer: StoredAnswer): Promise<void> {
    if (this.endLease()) await this.quietly(() => this.store.complete(this.key, this.owner, answer, KEEP_MS));
  }

  /** Does nothing when the key was given back already. */
  async release(): Promise<void> {
    if (this.endLease()) await this.quietly(() => this.store.release(this.key, this.owner));
  }

  /** As `release`, for those who cannot wait. */
  releaseSoon(): void {
    background.launch('giving a key back', () => this.release());
  }

  /** Called by the signal, as an `EventListenerObject`. */
  handleEvent(): void {
    this.releaseSoon();
  }

  private async claim() {
    this.signal.throwIfAborted();
    const claim = await this.store.claim(this.key, this.fingerprint, this.owner, LEASE_MS);
    if (claim.state === 'claimed') this.keepLease();
    return claim;
  }

  private async ended(ended: Promise<void>, deadlineAt: number): Promise<void> {
    const leftMs = deadlineAt - performance.now();
    if (leftMs <= 0)
      throw new DeadlineExceeded('The first request with this Idempotency-Key has not been answered yet.');
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(this.signal.reason);
    this.signal.addEventListener('abort', onAbort);
    try {
      await inTime(Promise.race([ended, promise]), Math.min(LOOK_MS, leftMs), null);
    } finally {
      this.signal.removeEventListener('abort', onAbort);
    }
  }

  private keepLease(): void {
    const renew = () => this.store.renew(this.key, this.owner, LEASE_MS);
    this.renewal = background.repeat('holding a key', RENEW_MS, renew);
    if (this.signal.aborted) this.handleEvent();
    else this.signal.addEventListener('abort', this, { once: true });
  }

  /** @returns whether it was still held */
  private endLease(): boolean {
    if (!this.renewal) return false;
    this.renewal.stop();
    this.renewal = null;
    this.signal.removeEventListener('abort', this);
    return true;
  }

  /** The answer goes out all the same; a key that was not kept is only a duplicate that is not recognised. */
  private async quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      logger.warn(`a key was not kept: ${ownWords(error)}`);
    }
  }
}
