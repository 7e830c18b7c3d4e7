import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { InvalidRequest } from '../../common/app-error.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { ownWords } from '../../common/logging/outside-text.js';
import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';
import { race, type Lane } from './attempt-race.js';
import type { BegunAttempt } from './begun-attempt.js';
import { failureOfAll, mendableOrThrow } from './call-failure.js';
import type { CallModelsCommand } from './resilience.messages.js';
import { retryDelayMs, worthWaiting } from './retry-delay.js';
import type { TargetAttempts } from './target-attempts.js';
import { BreakerOpen } from './target-breaker.js';

/** An answer that is to go on where another one was cut. */
export interface ResumedAttempt {
  readonly begun: BegunAttempt;
  /** The model was given what had been sent, so what it says now is the continuation. */
  readonly continues: boolean;
}

/** The way to one answer: which targets are left to try, and what was learned from those that failed. */
export class AnswerSearch {
  private readonly logger = new Logger('resilience');
  private readonly failures: UpstreamFailure[] = [];
  private readonly startedAt = performance.now();
  private resuming = false;

  constructor(
    private readonly command: CallModelsCommand,
    /** In the order to try them. */
    private waiting: TargetStatus[],
    private readonly attempts: TargetAttempts,
    private readonly settings: RouterConfig['resilience'],
  ) {}

  /**
   * Tries the targets in order until one has begun to answer; beside a slow one the next may be started.
   *
   * @throws AppError when none can
   */
  async begin(): Promise<BegunAttempt> {
    for (let target = this.waiting.shift(); target; target = this.waiting.shift()) {
      const headStartMs = this.headStartMs(target);
      const begun = await (headStartMs === Infinity
        ? this.tryTarget(target, this.command.signal)
        : race(this.lane(target), headStartMs, () => this.nextLane()));
      if (begun) return begun;
    }
    throw failureOfAll(this.failures, Math.random());
  }

  /**
   * Finds an attempt that can go on after `cut` broke off: on the targets that were not tried yet, then on the same one.
   *
   * @param sent what the caller has already
   * @returns `null` when there is none
   */
  async resume(cut: BegunAttempt, sent: string): Promise<ResumedAttempt | null> {
    this.resuming = true;
    const { budget } = this.command;
    for (let target = this.waiting.shift(); target; target = this.waiting.shift()) {
      const resumed = await this.resumeOn(target, sent);
      if (resumed) return resumed;
    }
    if (!budget.hasRetry || !this.attempts.guardsOf(cut.target).retries.take()) return null;
    budget.takeRetry();
    return this.resumeOn(cut.target, sent);
  }

  private async resumeOn(target: TargetStatus, sent: string): Promise<ResumedAttempt | null> {
    const { signal } = this.command;
    try {
      if (target.capabilities.includes('prefill') && sent !== '') {
        const begun = await this.tryTarget(target, signal, sent).catch(prefillRefused);
        if (begun !== 'refused') return begun && { begun, continues: true };
      }
      const begun = await this.tryTarget(target, signal);
      return begun && { begun, continues: false };
    } catch (error) {
      if (signal.aborted) throw error;
      this.logger.warn({ err: error, target: target.id }, 'a cut answer could not go on there');
      return null;
    }
  }

  /** One target, again where that can help; `null` when it could not answer. @throws AppError for a refusal */
  private async tryTarget(
    target: TargetStatus,
    signal: AbortSignal,
    partialAnswer: string | null = null,
  ): Promise<BegunAttempt | null> {
    for (let retry = 0; ; retry += 1) {
      try {
        return await this.attempt(target, signal, partialAnswer);
      } catch (error) {
        if (error instanceof BreakerOpen) return null;
        const failure = mendableOrThrow(error);
        this.failed(target, failure);
        const waitMs = retryDelayMs(retry, failure.detail.retryAfterMs, Math.random());
        if (!this.mayRetry(target, failure, retry, waitMs)) return null;
        this.command.budget.takeRetry();
        await pause(waitMs, signal);
      }
    }
  }

  private attempt(target: TargetStatus, signal: AbortSignal, partialAnswer: string | null): Promise<BegunAttempt> {
    const { request, budget, attempts } = this.command;
    const atLeastMs = request.stream ? 0 : target.timeouts.plainMs;
    if (!this.resuming) budget.assertTimeLeft(atLeastMs);
    return this.attempts.begin(target, this.command, {
      signal,
      // an answer that has begun is past the request's deadline; the target's own limits hold
      beginWithinMs: this.resuming ? Number.MAX_SAFE_INTEGER : budget.remainingMs(atLeastMs),
      partialAnswer,
      whole: request.stream === true && this.settings.streamRecovery === 'buffer',
      sentOn: attempts.some(({ target: tried }) => tried !== target.id),
      beforeMs: attempts.length === 0 ? 0 : performance.now() - this.startedAt,
    });
  }

  private mayRetry(target: TargetStatus, { remedy }: UpstreamFailure, retry: number, waitMs: number): boolean {
    const { budget } = this.command;
    const othersLeft = this.waiting.length > 0;
    // the last target that is left gets a second chance even when the ones before it used up the retries
    const granted = budget.hasRetry || (this.settings.retries > 0 && retry === 0 && !othersLeft);
    if (remedy !== 'retry' || !granted || !worthWaiting(waitMs, budget.remainingMs(), othersLeft)) return false;
    return this.attempts.guardsOf(target).retries.take();
  }

  private failed({ id, contextWindow }: TargetStatus, failure: UpstreamFailure): void {
    const { outcome, remedy } = failure;
    this.failures.push(failure);
    if (remedy === 'larger_window') {
      this.waiting = this.waiting.filter((other) => mayBeLarger(other.contextWindow, contextWindow));
    }
    const level = outcome === 'auth' ? 'error' : 'warn';
    this.logger[level](
      { target: id, outcome, next: this.waiting[0]?.id ?? null },
      `attempt failed: ${ownWords(failure)}`,
    );
  }

  /** How long a target may take before the next one is started beside it; Infinity = until it has failed. */
  private headStartMs(target: TargetStatus): number {
    if (this.waiting.length === 0) return Infinity;
    if (this.settings.hedgeAfterMs > 0) return this.settings.hedgeAfterMs;
    const { firstTokenMs, loadMs } = target.timeouts;
    const mayLoad = this.command.request.stream === true && loadMs > firstTokenMs && mayHaveToLoad(target);
    return mayLoad ? firstTokenMs : Infinity;
  }

  private nextLane(): { lane: Lane; headStartMs: number } | null {
    const target = this.waiting.shift();
    return target ? { lane: this.lane(target), headStartMs: this.headStartMs(target) } : null;
  }

  private lane(target: TargetStatus): Lane {
    const controller = new AbortController();
    const signal = AbortSignal.any([this.command.signal, controller.signal]);
    const startedAt = performance.now();
    const result = this.tryTarget(target, signal);
    return {
      result,
      lose: () => {
        if (!this.attempts.keepLoading(target, this.command, startedAt, result)) controller.abort(new HedgeLost());
      },
    };
  }
}

/** An unknown window is not known to be too small: such a target is asked once. */
const mayBeLarger = (window: number | null, than: number | null): boolean =>
  window === null || than === null || window > than;

/** Another attempt was faster. */
class HedgeLost extends Error {}

/** A target that declares `prefill` and refuses it all the same is asked anew without (FAULTS U14). */
function prefillRefused(error: unknown): 'refused' {
  if (error instanceof InvalidRequest) return 'refused';
  throw error;
}

/** @throws the signal's reason */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}
