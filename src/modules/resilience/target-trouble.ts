import { Logger } from '@nestjs/common';
import { meaningOf } from '../../common/attempt.js';
import { FailureEpisode } from '../../common/logging/failure-episode.js';
import { ownWords } from '../../common/logging/outside-text.js';
import type { BreakerState } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';

/**
 * What the log says of one target: that its calls fail, once for each way in which they do, and that they work again. What
 * became of each request is in its own line (`failed_attempts`).
 */
export class TargetTrouble {
  private readonly logger = new Logger('resilience');
  private readonly calls = new FailureEpisode();
  private readonly breaker = new FailureEpisode();

  constructor(private readonly id: string) {}

  /** A refusal of the request itself, a full queue and a model that is being loaded are no trouble of the target. */
  failed(failure: UpstreamFailure): void {
    const { outcome, detail } = failure;
    const { isRefusal, isUnasked } = meaningOf(outcome);
    const isTrouble = !isRefusal && !isUnasked && !detail.isShort && outcome !== 'loading';
    if (!isTrouble || !this.calls.failed(outcome)) return this.tellQuietly(failure);
    // a key that is not taken does not mend itself (FAULTS U20)
    const level = outcome === 'auth' ? 'error' : 'warn';
    this.logger[level]({ target: this.id, outcome }, `calls of ${this.id} fail: ${ownWords(failure)}`);
  }

  /** An answer came whole. */
  worked(): void {
    const over = this.calls.worked();
    if (over) this.logger.log({ target: this.id }, `calls of ${this.id} work again, ${over}`);
  }

  /** @param openMs until the next probe, milliseconds; 0 unless `open` */
  breakerIs(state: BreakerState, openMs: number): void {
    const fields = { target: this.id, breaker: state, open_ms: Math.round(openMs) };
    if (state === 'closed') {
      const over = this.breaker.worked();
      if (over) return this.logger.log(fields, `breaker of ${this.id} is closed again, ${over}`);
    }
    if (state === 'open' && this.breaker.failed()) {
      return this.logger.warn(fields, `breaker of ${this.id} is open: no calls for now, but for probes`);
    }
    this.logger.debug(fields, `breaker of ${this.id} is ${state}`);
  }

  private tellQuietly(failure: UpstreamFailure): void {
    this.logger.debug({ target: this.id, outcome: failure.outcome }, `attempt failed: ${ownWords(failure)}`);
  }
}
