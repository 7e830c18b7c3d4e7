import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import type { TargetAttempts } from './target-attempts.js';

/** The targets that one request has not tried yet, in the order to try them. */
export class CandidateQueue {
  private waiting: TargetStatus[];
  /** Those that are down. */
  private turnedAway: TargetStatus[];

  constructor(
    candidates: readonly TargetStatus[],
    down: readonly TargetStatus[],
    private readonly attempts: TargetAttempts,
  ) {
    this.waiting = [...candidates];
    this.turnedAway = [...down];
  }

  /** Whether one of them can be asked at once. */
  get hasReady(): boolean {
    return this.waiting.some((target) => this.isReady(target));
  }

  /** Whether one of them can be asked at once and answers without loading its model first. */
  get hasWarm(): boolean {
    return this.waiting.some((target) => this.isReady(target) && !mayHaveToLoad(target));
  }

  /** Whether one of them could have answered at another time. */
  get hasUnasked(): boolean {
    return this.waiting.length > 0 || this.turnedAway.length > 0;
  }

  /** Takes the first that can be asked at once; one that refuses over and over comes after the others. */
  takeReady(): TargetStatus | undefined {
    let found = -1;
    for (let i = 0; i < this.waiting.length; i += 1) {
      const target = this.waiting[i]!;
      if (!this.isReady(target)) continue;
      if (!this.attempts.guardsOf(target).rest.isAvoided) return this.waiting.splice(i, 1)[0];
      if (found < 0) found = i;
    }
    return found < 0 ? undefined : this.waiting.splice(found, 1)[0];
  }

  /** Waits for the one whose rest is over first. @returns `undefined` when none is over within `withinMs` */
  async takeRested(withinMs: number, pause: (ms: number) => Promise<void>): Promise<TargetStatus | undefined> {
    const restMs = (target: TargetStatus): number => this.attempts.guardsOf(target).rest.leftMs;
    const [first] = this.waiting.filter((target) => this.isInUse(target)).sort((a, b) => restMs(a) - restMs(b));
    if (!first || !(await this.attempts.guardsOf(first).rest.over(withinMs, pause))) return undefined;
    return this.waiting.splice(this.waiting.indexOf(first), 1)[0];
  }

  /** A window of this size was too small. One that is unknown is not known to be: such a target is asked once. */
  keepLarger(window: number | null): void {
    const mayBeLarger = ({ contextWindow: other }: TargetStatus): boolean =>
      window === null || other === null || other > window;
    this.waiting = this.waiting.filter(mayBeLarger);
    this.turnedAway = this.turnedAway.filter(mayBeLarger);
  }

  /** The breaker of one that was taken let nothing through. */
  turnAway(target: TargetStatus): void {
    this.turnedAway.push(target);
  }

  private isInUse(target: TargetStatus): boolean {
    return target.breaker !== 'drained' && this.attempts.guardsOf(target).breaker.state !== 'open';
  }

  private isReady(target: TargetStatus): boolean {
    return this.isInUse(target) && this.attempts.guardsOf(target).rest.leftMs === 0;
  }
}
