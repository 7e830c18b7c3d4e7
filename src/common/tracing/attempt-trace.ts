import type { Target } from '../target.js';
import type { RequestTrace } from './request-trace.js';
import { newSpanId } from './trace-ids.js';

/**
 * Why a call was made: as the first one; again on the same target (`retry`); because another had failed (`fallback`) or was slow
 * (`hedge`); to go on where another was cut (`recovery`); to check or better an answer (`cascade`).
 */
export type AttemptKind = 'first' | 'retry' | 'fallback' | 'hedge' | 'recovery' | 'cascade';

/** One call of a model server as a span; its trace is that of the request it was made for, whoever gets the answer. */
export class AttemptTrace {
  readonly spanId = newSpanId();
  /** When content was here, `performance.now()` milliseconds; 0 before. */
  beganAt = 0;
  /** When nothing more of it could come, `performance.now()` milliseconds; 0 before. */
  endedAt = 0;

  constructor(
    readonly request: RequestTrace,
    readonly target: Pick<Target, 'model' | 'provider' | 'tier' | 'simulated'>,
    readonly kind: AttemptKind,
  ) {}

  /** Only the first one counts. */
  end(): void {
    if (this.endedAt === 0) this.endedAt = performance.now();
  }
}
