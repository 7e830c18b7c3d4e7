import { Logger } from '@nestjs/common';
import { InvalidRequest } from '../../common/app-error.js';
import type { TargetStatus } from '../../common/target.js';
import type { BegunAnswer } from './begun-answer.js';
import type { Candidates } from './candidates.js';
import type { ResumedAttempt } from './relayed-answer.js';
import type { ModelCalls } from './resilience.messages.js';
import { pause, WORTH_WAITING_MS } from './retry-delay.js';
import type { TryTarget } from './retry.js';
import type { TargetBreakers } from './target-breakers.js';

const logger = new Logger('resilience');

/**
 * Finds an attempt that can go on after an answer was cut: on the targets that were not tried yet, then on the same one.
 * An answer that has begun is past the request's deadline; the targets' own limits hold.
 */
export class CutAnswers {
  constructor(
    private readonly calls: ModelCalls,
    private readonly candidates: Candidates,
    private readonly guards: TargetBreakers,
    private readonly tryTarget: TryTarget,
  ) {}

  /** @param sent what the caller has already @returns `null` when there is none */
  async goOn(cut: BegunAnswer, sent: string): Promise<ResumedAttempt | null> {
    const { candidates } = this;
    const within = WORTH_WAITING_MS;
    for (let target = await candidates.next(within); target; target = await candidates.next(within)) {
      const resumed = await this.resumeOn(target, sent);
      if (resumed) return resumed;
    }
    return (await this.mayRetry(cut.target)) ? this.resumeOn(cut.target, sent) : null;
  }

  private async mayRetry(target: TargetStatus): Promise<boolean> {
    const { budget, signal } = this.calls;
    const { retries, rest } = this.guards.of(target);
    if (target.breaker === 'drained' || !budget.hasRetry) return false;
    const rested = await rest.over(WORTH_WAITING_MS, (ms) => pause(ms, signal));
    if (!rested || !retries.take()) return false;
    budget.takeRetry();
    return true;
  }

  private async resumeOn(target: TargetStatus, sent: string): Promise<ResumedAttempt | null> {
    const { signal } = this.calls;
    try {
      if (target.capabilities.includes('prefill') && sent !== '') {
        const begun = await this.tryTarget(target, { signal, partialAnswer: sent }).catch(prefillRefused);
        if (begun !== 'refused') return begun && { begun, continues: true };
      }
      const begun = await this.tryTarget(target, { signal, partialAnswer: null });
      return begun && { begun, continues: false };
    } catch (error) {
      if (signal.aborted) throw error;
      logger.warn({ err: error, target: target.id }, 'a cut answer could not go on there');
      return null;
    }
  }
}

/** A target that declares `prefill` and refuses it all the same is asked anew without (FAULTS U14). */
function prefillRefused(error: unknown): 'refused' {
  if (error instanceof InvalidRequest) return 'refused';
  throw error;
}
