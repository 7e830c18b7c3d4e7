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

/**
 * How long a stream that has begun may keep its reader waiting. Comments and frames without content are signs of life:
 * they hold the idle limit off for as long as `contentMs`. Only time spent waiting counts.
 */
export class StreamPatience {
  private sinceLifeMs = 0;
  private sinceContentMs = 0;

  constructor(
    private readonly limits: CallLimits,
    private readonly startedAt: number,
  ) {}

  /** A read came after so many milliseconds; one that completes no event and no comment is silence. */
  heard(waitedMs: number, isLife: boolean, hasContent: boolean): void {
    this.sinceLifeMs = isLife ? 0 : this.sinceLifeMs + waitedMs;
    this.sinceContentMs = hasContent ? 0 : this.sinceContentMs + waitedMs;
  }

  /** Milliseconds until the next read must come, and the name of the limit. */
  next(allFinished: boolean): [ms: number, phase: string] {
    const { idleMs, contentMs, totalMs } = this.limits;
    const left = totalMs - (performance.now() - this.startedAt);
    const silence = allFinished
      ? TAIL_MS - this.sinceContentMs
      : Math.min(idleMs - this.sinceLifeMs, Math.max(idleMs, contentMs) - this.sinceContentMs);
    return [Math.max(0, Math.min(left, silence)), left < silence ? 'whole answer' : 'next chunk'];
  }
}
