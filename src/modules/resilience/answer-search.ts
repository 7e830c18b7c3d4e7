import { Logger } from '@nestjs/common';
import { DeadlineExceeded, InvalidRequest } from '../../common/app-error.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { ownWords } from '../../common/logging/outside-text.js';
import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';
import { race, type Lane } from './attempt-race.js';
import { CandidateQueue } from './candidate-queue.js';
import type { BegunAttempt } from './begun-attempt.js';
import { failureOfAll, finalIfRetried, mayPass, mendableOrThrow, UNKNOWN_WAIT_MS } from './call-failure.js';
import type { CallModelsCommand } from './resilience.messages.js';
import { Patience, pause, WORTH_WAITING_MS } from './patience.js';
import type { TargetAttempts } from './target-attempts.js';
import { BreakerOpen } from './target-breaker.js';

/** An answer that is to go on where another one was cut. */
export interface ResumedAttempt {
  readonly begun: BegunAttempt;
  /** The model was given what had been sent, so what it says now is the continuation. */
  readonly continues: boolean;
}

const logger = new Logger('resilience');

/** The way to one answer: which targets are left to try, and what was learned from those that failed. */
export class AnswerSearch {
  private readonly failures: UpstreamFailure[] = [];
  /** Targets whose failure may be over at any time. */
  private readonly mayRecover = new Set<TargetStatus>();
  private readonly startedAt = performance.now();
  private readonly queue: CandidateQueue;
  private readonly patience: Patience;
  private resuming = false;

  constructor(
    private readonly command: CallModelsCommand,
    private readonly attempts: TargetAttempts,
    private readonly settings: RouterConfig['resilience'],
  ) {
    this.queue = new CandidateQueue(command.candidates, command.down, attempts);
    this.patience = new Patience(command.budget, attempts, this.queue, settings.retries);
  }

  /**
   * Tries the targets in order until one has begun to answer; beside a slow one the next may be started.
   *
   * @throws AppError when none can
   */
  async begin(): Promise<BegunAttempt> {
    const { signal } = this.command;
    try {
      for (;;) {
        const target = this.queue.takeReady() ?? (await this.takeRested(this.restWithinMs()));
        if (!target) break;
        const headStartMs = this.headStartMs(target);
        const begun = await (headStartMs === Infinity
          ? this.tryTarget(target, signal)
          : race(this.lane(target), headStartMs, () => this.nextLane()));
        if (begun) return begun;
      }
    } catch (error) {
      throw error instanceof DeadlineExceeded ? finalIfRetried(error, this.failures) : error;
    }
    const { failures } = this;
    throw failureOfAll({ failures, untried: this.queue.hasUnasked, waitMs: this.untilFirstMs() }, Math.random());
  }

  /**
   * Finds an attempt that can go on after `cut` broke off: on the targets that were not tried yet, then on the same one.
   *
   * @param sent what the caller has already
   * @returns `null` when there is none
   */
  async resume(cut: BegunAttempt, sent: string): Promise<ResumedAttempt | null> {
    this.resuming = true;
    this.patience.answerHasBegun = true;
    const { budget } = this.command;
    for (;;) {
      const target = this.queue.takeReady() ?? (await this.takeRested(WORTH_WAITING_MS));
      if (!target) break;
      const resumed = await this.resumeOn(target, sent);
      if (resumed) return resumed;
    }
    const { retries, rest } = this.attempts.guardsOf(cut.target);
    if (cut.target.breaker === 'drained' || !budget.hasRetry) return null;
    const rested = await rest.over(WORTH_WAITING_MS, (ms) => pause(ms, this.command.signal));
    if (!rested || !retries.take()) return null;
    budget.takeRetry();
    return this.resumeOn(cut.target, sent);
  }

  /** An answer that had begun ended with an error, which may ask for rest as any other does. */
  brokeOff({ target, attempt }: BegunAttempt, failure: UpstreamFailure): void {
    this.attempts.failed(target, failure, attempt.startedAt);
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
      logger.warn({ err: error, target: target.id }, 'a cut answer could not go on there');
      return null;
    }
  }

  /** Where everybody rests, the request waits rather than fails; where one has failed, the caller has lost time already. */
  private restWithinMs(): number {
    const leftMs = this.command.budget.remainingMs();
    const onlyRests = this.failures.every(({ outcome }) => outcome === 'rate_limited');
    return onlyRests ? leftMs : Math.min(leftMs, WORTH_WAITING_MS);
  }

  private takeRested(withinMs: number): Promise<TargetStatus | undefined> {
    return this.queue.takeRested(withinMs, (ms) => pause(ms, this.command.signal));
  }

  /** One target, again where that can help; `null` when it could not answer. @throws AppError for a refusal */
  private async tryTarget(
    target: TargetStatus,
    signal: AbortSignal,
    partialAnswer: string | null = null,
  ): Promise<BegunAttempt | null> {
    let retry = 0;
    let loadingSince: number | null = null;
    for (;;) {
      const askedAt = performance.now();
      try {
        return await this.attempt(target, signal, partialAnswer);
      } catch (error) {
        if (error instanceof BreakerOpen) {
          this.queue.turnAway(target);
          return null;
        }
        const failure = mendableOrThrow(error);
        this.failed(target, failure, askedAt);
        if (failure.outcome === 'loading') loadingSince ??= askedAt;
        const again =
          failure.outcome === 'loading'
            ? await this.patience.forLoading(target, loadingSince ?? askedAt, signal)
            : await this.patience.forRetry(target, failure, retry++, signal);
        if (!again) return null;
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

  private failed(target: TargetStatus, failure: UpstreamFailure, askedAt: number): void {
    const { outcome, remedy } = failure;
    this.failures.push(failure);
    if (mayPass(failure)) this.mayRecover.add(target);
    this.attempts.failed(target, failure, askedAt);
    if (remedy === 'larger_window') this.queue.keepLarger(target.contextWindow);
    const level = outcome === 'auth' ? 'error' : outcome === 'loading' ? 'debug' : 'warn';
    logger[level]({ target: target.id, outcome }, `attempt failed: ${ownWords(failure)}`);
  }

  /** Milliseconds until the first candidate can answer, as far as that is known. */
  private untilFirstMs(): number | null {
    const waits = [...this.command.candidates, ...this.command.down].flatMap((target) => {
      if (target.breaker === 'drained') return [];
      const ms = Math.max(this.attempts.guardsOf(target).rest.leftMs, target.openForMs);
      if (ms > 0) return [ms];
      return this.mayRecover.has(target) ? [UNKNOWN_WAIT_MS] : [];
    });
    return waits.length === 0 ? null : Math.min(...waits);
  }

  /** How long a target may take before the next one is started beside it; Infinity = until it has failed. */
  private headStartMs(target: TargetStatus): number {
    if (!this.queue.hasReady) return Infinity;
    if (this.settings.hedgeAfterMs > 0) return this.settings.hedgeAfterMs;
    const { firstTokenMs, loadMs } = target.timeouts;
    const mayLoad = this.command.request.stream === true && loadMs > firstTokenMs && mayHaveToLoad(target);
    return mayLoad ? firstTokenMs : Infinity;
  }

  private nextLane(): { lane: Lane; headStartMs: number } | null {
    const target = this.queue.takeReady();
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

/** Another attempt was faster. */
class HedgeLost extends Error {}

/** A target that declares `prefill` and refuses it all the same is asked anew without (FAULTS U14). */
function prefillRefused(error: unknown): 'refused' {
  if (error instanceof InvalidRequest) return 'refused';
  throw error;
}
