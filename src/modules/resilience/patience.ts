import { setTimeout as delay } from 'node:timers/promises';
import type { Budget } from '../../common/budget.js';
import type { TargetStatus } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';
import type { CandidateQueue } from './candidate-queue.js';
import { retryDelayMs } from './retry-delay.js';
import type { TargetAttempts } from './target-attempts.js';

/** What a caller may lose by waiting for a target that said when to come back, while another is left, milliseconds. */
export const WORTH_WAITING_MS = 5_000;
/** The same where the time is a guess. */
const WORTH_GUESSING_MS = 1_500;

/** How long one request waits for a target before it is asked again, and whether it is. */
export class Patience {
  /** What the caller reads already must not stop for long. */
  answerHasBegun = false;
  /** Milliseconds waited for targets that asked for rest. */
  private restedMs = 0;

  constructor(
    private readonly budget: Budget,
    private readonly attempts: TargetAttempts,
    private readonly queue: CandidateQueue,
    private readonly retries: number,
  ) {}

  /**
   * Waits for a model that is being loaded, unless a warm one is left. It is no failure, so it takes no retry.
   *
   * @param since when the target was first found loading, `performance.now()` milliseconds
   * @returns whether to ask again now
   */
  async forLoading(target: TargetStatus, since: number, signal: AbortSignal): Promise<boolean> {
    if (this.queue.hasWarm) return false;
    const loadMs = since + target.timeouts.loadMs - performance.now();
    const withinMs = Math.min(loadMs, this.answerHasBegun ? WORTH_WAITING_MS : this.budget.remainingMs());
    return this.attempts.guardsOf(target).rest.over(withinMs, (ms) => pause(ms, signal));
  }

  /**
   * Takes a retry, where there is one and it can help, and waits until it may be made.
   *
   * @param retry 0 for the first one of this target
   * @returns whether to ask again now
   */
  async forRetry(
    target: TargetStatus,
    { remedy, detail }: UpstreamFailure,
    retry: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { rest, retries } = this.attempts.guardsOf(target);
    const othersReady = this.queue.hasReady;
    // the last target that is left gets a second chance even when the ones before it used up the retries
    const granted = this.budget.hasRetry || (this.retries > 0 && retry === 0 && !othersReady);
    if (remedy !== 'retry' || !granted || target.breaker === 'drained') return false;
    const patienceMs = othersReady ? (detail.retryAfterMs ? WORTH_WAITING_MS : WORTH_GUESSING_MS) : Infinity;
    const withinMs = Math.min(this.budget.remainingMs(), patienceMs - this.restedMs);
    const waitMs = Math.max(rest.leftMs, retryDelayMs(retry, Math.random()));
    // where all rest, the one that is ready first is waited for
    const anotherIsFirst = !othersReady && this.queue.firstRestedMs < rest.leftMs;
    if (waitMs >= withinMs || anotherIsFirst || !retries.take()) return false;
    this.budget.takeRetry();
    if (rest.leftMs > 0) {
      this.restedMs += waitMs;
      return rest.over(
        withinMs,
        (ms) => pause(ms, signal),
        () => this.queue.hasRecovered,
      );
    }
    await pause(waitMs, signal);
    return true;
  }
}

/** @throws the signal's reason */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}
