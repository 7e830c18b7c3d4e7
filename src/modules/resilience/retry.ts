import type { Budget } from '../../common/budget.js';
import type { TargetStatus } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';
import type { BegunAnswer } from './begun-answer.js';
import { mendableOrThrow } from './call-failure.js';
import type { Candidates } from './candidates.js';
import { pause, retryDelayMs, WORTH_GUESSING_MS, WORTH_WAITING_MS } from './retry-delay.js';
import { BreakerOpen } from './target-breaker.js';
import type { TargetBreakers } from './target-breakers.js';
import type { Attempt, AttemptOptions } from './target-calls.js';

/** One target, as often as that can help; `null` when it could not answer. @throws AppError for a refusal */
export type TryTarget = (target: TargetStatus, how: AttemptOptions) => Promise<BegunAnswer | null>;

/** An attempt that is made again on the same target where that can help, within what request and target may spend. */
export class Retry {
  /** Milliseconds waited for targets that asked for rest. */
  private restedMs = 0;

  /** @param mostRetries of a whole request; 0 also takes the last target's second chance */
  constructor(
    private readonly attempt: Attempt,
    private readonly candidates: Candidates,
    private readonly guards: Pick<TargetBreakers, 'of'>,
    private readonly budget: Budget,
    private readonly mostRetries: number,
  ) {}

  /** See `TryTarget`. */
  async tryTarget(target: TargetStatus, how: AttemptOptions): Promise<BegunAnswer | null> {
    let loadingSince: number | null = null;
    for (let retry = 0; ;) {
      const askedAt = performance.now();
      try {
        return await this.attempt(target, how);
      } catch (error) {
        if (error instanceof BreakerOpen) {
          this.candidates.turnAway(target);
          return null;
        }
        const failure = mendableOrThrow(error);
        this.candidates.failed(target, failure, askedAt);
        if (failure.outcome === 'loading') {
          loadingSince ??= askedAt;
          if (!(await this.waitForLoading(target, loadingSince, how))) return null;
        } else {
          if (!(await this.waitForRetry(target, failure, retry, how.signal))) return null;
          retry += 1;
        }
      }
    }
  }

  /**
   * Waits for a model that is being loaded, unless a warm one is left. It is no failure, so it takes no retry.
   *
   * @param since when the target was first found loading, `performance.now()` milliseconds
   * @returns whether to ask again now
   */
  private async waitForLoading(
    target: TargetStatus,
    since: number,
    { signal, answerHasBegun }: AttemptOptions,
  ): Promise<boolean> {
    if (this.candidates.hasWarm) return false;
    const loadMs = since + target.timeouts.loadMs - performance.now();
    const patienceMs = answerHasBegun ? WORTH_WAITING_MS : this.budget.remainingMs();
    return this.guards.of(target).rest.over(Math.min(loadMs, patienceMs), (ms) => pause(ms, signal));
  }

  /**
   * Takes a retry, where there is one and it can help, and waits until it may be made.
   *
   * @param retry 0 for the first one of this target
   * @returns whether to ask again now
   */
  private async waitForRetry(
    target: TargetStatus,
    { remedy, detail }: UpstreamFailure,
    retry: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { budget } = this;
    const { rest, retries } = this.guards.of(target);
    const othersReady = this.candidates.hasReady;
    // the last target that is left gets a second chance even when the ones before it used up the retries
    const granted = budget.hasRetry || (this.mostRetries > 0 && retry === 0 && !othersReady);
    if (remedy !== 'retry' || !granted || target.breaker === 'drained') return false;
    const patienceMs = othersReady ? (detail.retryAfterMs ? WORTH_WAITING_MS : WORTH_GUESSING_MS) : Infinity;
    const withinMs = Math.min(budget.remainingMs(), patienceMs - this.restedMs);
    const waitMs = Math.max(rest.leftMs, retryDelayMs(retry, Math.random()));
    // where all rest, the one that is ready first is waited for
    const anotherIsFirst = !othersReady && this.candidates.firstRestedMs < rest.leftMs;
    if (waitMs >= withinMs || anotherIsFirst || !retries.take()) return false;
    budget.takeRetry();
    if (rest.leftMs > 0) {
      this.restedMs += waitMs;
      const elsewhere = (): boolean => this.candidates.hasRecovered;
      return rest.over(withinMs, (ms) => pause(ms, signal), elsewhere);
    }
    await pause(waitMs, signal);
    return true;
  }
}
