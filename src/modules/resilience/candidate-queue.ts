import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import type { TargetAttempts } from './target-attempts.js';
import { LOOK_MS } from './target-rest.js';

/** The targets that one request has not tried yet, in the order to try them. */
export class CandidateQueue {
  private waiting: TargetStatus[];
  /** Those that are down. */
  private turnedAway: { readonly target: TargetStatus; readonly at: number }[];

  constructor(
    candidates: readonly TargetStatus[],
    down: readonly TargetStatus[],
    private readonly attempts: TargetAttempts,
  ) {
    this.waiting = [...candidates];
    const at = performance.now();
    this.turnedAway = down.map((target) => ({ target, at }));
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

  /** Milliseconds until the first one that was not asked yet has rested; Infinity when there is none. */
  get firstRestedMs(): number {
    return Math.min(...this.waiting.filter((target) => this.isInUse(target)).map((target) => this.restMsOf(target)));
  }

  /** Whether one that was down lets calls through again. */
  get hasRecovered(): boolean {
    return this.turnedAway.some(({ target, at }) => this.hasCome(target, at));
  }

  /**
   * Waits for the one whose rest is over first, or for one that was down and comes back before.
   *
   * @returns `undefined` when there is none within `withinMs`
   */
  async takeRested(withinMs: number, pause: (ms: number) => Promise<void>): Promise<TargetStatus | undefined> {
    const [first] = this.waiting
      .filter((target) => this.isInUse(target))
      .sort((a, b) => this.restMsOf(a) - this.restMsOf(b));
    const recovered = (): boolean => this.hasRecovered;
    const rested = first && (await this.attempts.guardsOf(first).rest.over(withinMs, pause, recovered));
    if (rested) return this.waiting.splice(this.waiting.indexOf(first), 1)[0];
    const back = this.turnedAway.findIndex(({ target, at }) => this.hasCome(target, at));
    return back < 0 ? undefined : this.turnedAway.splice(back, 1)[0]?.target;
  }

  /** A window of this size was too small. One that is unknown is not known to be: such a target is asked once. */
  keepLarger(window: number | null): void {
    const mayBeLarger = ({ contextWindow: other }: TargetStatus): boolean =>
      window === null || other === null || other > window;
    this.waiting = this.waiting.filter(mayBeLarger);
    this.turnedAway = this.turnedAway.filter(({ target }) => mayBeLarger(target));
  }

  /** The breaker of one that was taken let nothing through. */
  turnAway(target: TargetStatus): void {
    this.turnedAway.push({ target, at: performance.now() });
  }

  private restMsOf(target: TargetStatus): number {
    return this.attempts.guardsOf(target).rest.leftMs;
  }

  /** Not at once: another caller, or another replica, may be at the probe that it was turned away for. */
  private hasCome(target: TargetStatus, turnedAwayAt: number): boolean {
    const { breaker } = this.attempts.guardsOf(target);
    const comes = breaker.state === 'closed' || breaker.awaitsProbe;
    return comes && this.isReady(target) && performance.now() - turnedAwayAt > LOOK_MS;
  }

  private isInUse(target: TargetStatus): boolean {
    return target.breaker !== 'drained' && this.attempts.guardsOf(target).breaker.state !== 'open';
  }

  private isReady(target: TargetStatus): boolean {
    return this.isInUse(target) && this.attempts.guardsOf(target).rest.leftMs === 0;
  }
}
