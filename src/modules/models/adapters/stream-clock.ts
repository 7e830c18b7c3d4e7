import { UpstreamFailure } from '../../../common/upstream-failure.js';

/** Milliseconds. */
export interface CallLimits {
  /** Until the first content of a stream, or the whole plain answer. */
  readonly beginMs: number;
  readonly idleMs: number;
  /** How long a stream may go on with signs of life only (comments, frames without content). */
  readonly contentMs: number;
  readonly totalMs: number;
}

/** After the last finish reason only usage and `[DONE]` can come; a server that sends neither is not waited for. */
export const TAIL_MS = 1_000;

/** Timers may fire so many milliseconds early. */
export const EARLY_MS = 1;

/** Is told that a server has taken too long. */
export interface Patient {
  late(failure: UpstreamFailure): void;
}

/**
 * The time limits of one streamed call on one timer, which looks at the clock when it fires: a read costs no timer.
 * Comments and frames without content are signs of life: they hold the idle limit off for as long as `contentMs`. Time in
 * which the reader wanted nothing does not count, apart from `totalMs`.
 */
export class StreamClock {
  private readonly startedAt = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private lifeAt = this.startedAt;
  private contentAt = this.startedAt;
  private pausedAt: number | null = null;
  private phase: 'begin' | 'answer' | 'tail' = 'begin';

  constructor(
    private readonly limits: CallLimits,
    private readonly owner: Patient,
  ) {
    this.arm(limits.beginMs);
  }

  /** A read came; one that completes no event and no comment is silence. @param phase of the answer, after it */
  heard(isLife: boolean, hasContent: boolean, phase: StreamClock['phase']): void {
    const now = performance.now();
    if (isLife) this.lifeAt = now;
    if (hasContent) this.contentAt = now;
    if (phase === this.phase) return;
    this.phase = phase;
    this.look();
  }

  /** The reader wants nothing. */
  pause(): void {
    if (this.phase === 'begin' || this.pausedAt !== null) return;
    this.pausedAt = performance.now();
    clearTimeout(this.timer);
  }

  resume(): void {
    if (this.pausedAt === null) return;
    const pausedMs = performance.now() - this.pausedAt;
    this.pausedAt = null;
    this.lifeAt += pausedMs;
    this.contentAt += pausedMs;
    this.look();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.pausedAt = Infinity;
  }

  /** Called by its timer, too. */
  look(): void {
    if (this.pausedAt !== null) return;
    const { beginMs, idleMs, contentMs, totalMs } = this.limits;
    const now = performance.now();
    if (this.phase === 'begin') return this.check(this.startedAt + beginMs - now, beginMs, 'first token');
    const totalLeft = this.startedAt + totalMs - now;
    const contentLimit = this.phase === 'tail' ? TAIL_MS : Math.max(idleMs, contentMs);
    const idleLeft = this.phase === 'tail' ? Infinity : this.lifeAt + idleMs - now;
    const silenceLeft = Math.min(idleLeft, this.contentAt + contentLimit - now);
    if (totalLeft < silenceLeft) return this.check(totalLeft, totalMs, 'whole answer');
    this.check(silenceLeft, idleLeft === silenceLeft ? idleMs : contentLimit, 'next chunk');
  }

  private check(leftMs: number, limitMs: number, phase: string): void {
    if (leftMs > EARLY_MS) return this.arm(leftMs);
    clearTimeout(this.timer);
    this.owner.late(new UpstreamFailure('timeout', `${phase}: nothing within ${Math.round(limitMs)} ms`));
  }

  private arm(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(fired, ms, this);
  }
}

const fired = (clock: StreamClock): void => clock.look();
