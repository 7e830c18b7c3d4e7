import { Logger } from '@nestjs/common';
import { InvalidRequest } from '../../common/app-error.js';
import type { TargetStatus } from '../../common/target.js';
import type { BegunAnswer } from './begun-answer.js';
import type { Candidates } from './candidates.js';
import type { ModelCalls } from './resilience.messages.js';
import { pause, WORTH_WAITING_MS } from './retry-delay.js';
import type { TryTarget } from './retry.js';
import type { TargetBreakers } from './target-breakers.js';

const logger = new Logger('resilience');

/** An attempt that goes on where another one was cut. */
export interface ResumedAttempt {
  readonly begun: BegunAnswer;
  /** The model was given what had been sent, so what it says now is the continuation. */
  readonly continues: boolean;
}

/** Whom a request may ask, and how. */
export interface Search {
  readonly calls: ModelCalls;
  readonly candidates: Candidates;
  readonly guards: TargetBreakers;
  readonly tryTarget: TryTarget;
}

/**
 * Finds an attempt that can go on after an answer was cut: on the targets that were not tried yet, then on the same one.
 *
 * @param sent what the caller has already
 * @returns `null` when there is none
 */
export async function goOn(cut: BegunAnswer, sent: string, search: Search): Promise<ResumedAttempt | null> {
  const { candidates } = search;
  const within = WORTH_WAITING_MS;
  for (let target = await candidates.next(within); target; target = await candidates.next(within)) {
    const resumed = await resumeOn(target, sent, search);
    if (resumed) return resumed;
  }
  return (await mayRetry(cut.target, search)) ? resumeOn(cut.target, sent, search) : null;
}

async function mayRetry(target: TargetStatus, { calls, guards }: Search): Promise<boolean> {
  const { budget, signal } = calls;
  const { retries, rest } = guards.of(target);
  if (target.breaker === 'drained' || !budget.hasRetry) return false;
  const rested = await rest.over(WORTH_WAITING_MS, (ms) => pause(ms, signal));
  if (!rested || !retries.take()) return false;
  budget.takeRetry();
  return true;
}

async function resumeOn(
  target: TargetStatus,
  sent: string,
  { calls, tryTarget }: Search,
): Promise<ResumedAttempt | null> {
  const { signal } = calls;
  const anew = { signal, partialAnswer: null, answerHasBegun: true };
  try {
    if (target.capabilities.includes('prefill') && sent !== '') {
      const begun = await tryTarget(target, { ...anew, partialAnswer: sent }).catch(prefillRefused);
      if (begun !== 'refused') return begun && { begun, continues: true };
    }
    const begun = await tryTarget(target, anew);
    return begun && { begun, continues: false };
  } catch (error) {
    if (signal.aborted) throw error;
    // what fails there is told as every failure of a target is
    logger.debug({ err: error, target: target.id }, 'a cut answer could not go on there');
    return null;
  }
}

/** A target that declares `prefill` and refuses it all the same is asked anew without (FAULTS U14). */
function prefillRefused(error: unknown): 'refused' {
  if (error instanceof InvalidRequest) return 'refused';
  throw error;
}
