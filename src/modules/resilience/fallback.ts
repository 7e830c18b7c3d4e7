import { DeadlineExceeded } from '../../common/app-error.js';
import type { BegunAnswer } from './begun-answer.js';
import { finalIfRetried } from './call-failure.js';
import type { Candidates } from './candidates.js';
import type { TryTarget } from './retry.js';
import type { AttemptOptions } from './target-calls.js';

/** Tries the candidates in order until one has begun to answer. @throws AppError when none can */
export async function fallback(
  candidates: Candidates,
  tryTarget: TryTarget,
  how: AttemptOptions,
): Promise<BegunAnswer> {
  try {
    for (let target = await candidates.next(); target; target = await candidates.next()) {
      const begun = await tryTarget(target, how);
      if (begun) return begun;
    }
  } catch (error) {
    throw error instanceof DeadlineExceeded ? finalIfRetried(error, candidates.failures) : error;
  }
  throw candidates.failureOfAll();
}
