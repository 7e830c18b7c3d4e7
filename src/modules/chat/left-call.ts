import type { TargetStatus } from '../../common/target.js';
import type { ModelAnswer } from '../resilience/resilience.messages.js';
import { ReplayedChunks } from './completion-replay.js';

/** A call whose caller left before its answer began: the prompt was sent, and nothing is known of an answer. */
export class LeftCall extends ReplayedChunks implements ModelAnswer {
  readonly isUnheard = true;
  readonly recovered = false;

  constructor(
    readonly target: TargetStatus,
    readonly fallback: boolean,
  ) {
    super([]);
  }

  get model(): string {
    return this.target.model;
  }
}
