import type { AppError } from '../../common/app-error.js';
import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';
import { failureOfAll, mayPass, UNKNOWN_WAIT_MS } from './call-failure.js';
import { pause, WORTH_WAITING_MS } from './retry-delay.js';
import type { TargetSearch } from './resilience.messages.js';
import type { TargetBreakers } from './target-breakers.js';
import { LOOK_MS } from './target-rest.js';

/** The targets of one request: which are left to try, and what was learned from those that failed. */
export class Candidates {
  readonly failures: UpstreamFailure[] = [];
  private waiting: TargetStatus[];
  /** Those that are down. */
  private turnedAway: { readonly target: TargetStatus; readonly at: number }[];
  /** Those whose failure may be over at any time. */
  private readonly mayRecover = new Set<TargetStatus>();

  constructor(
    private readonly calls: TargetSearch,
    private readonly guards: Pick<TargetBreakers, 'of' | 'failed'>,
  ) {
    this.waiting = [...calls.candidates];
    const at = performance.now();
    this.turnedAway = calls.down.map((target) => ({ target, at }));
  }

  /**
   * The next one to try: the first that can be asked at once, else the one whose rest is over first.
   *
   * @param withinMs the longest wait for a rest; left out: as long as the request may take, and where one has failed
   *   otherwise, which has cost the caller time already, 5 s
   */
  async next(withinMs = this.restWithinMs()): Promise<TargetStatus | undefined> {
    return this.takeReady() ?? (await this.takeRested(withinMs));
  }

  /** Whether one of them can be asked at once. */
  get hasReady(): boolean {
    return this.waiting.some((target) => this.isReady(target));
  }

  /** Whether one of them can be asked at once and answers without loading its model first. */
  get hasWarm(): boolean {
    return this.waiting.some((target) => this.isReady(target) && !mayHaveToLoad(target));
  }

  /** Takes the first that can be asked at once; one that refuses over and over comes after the others. */
  takeReady(): TargetStatus | undefined {
    const ready = this.waiting.filter((target) => this.isReady(target));
    const found = ready.find((target) => !this.guards.of(target).rest.isAvoided) ?? ready[0];
    return found && this.waiting.splice(this.waiting.indexOf(found), 1)[0];
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
  private async takeRested(withinMs: number): Promise<TargetStatus | undefined> {
    const [first] = this.waiting
      .filter((target) => this.isInUse(target))
      .sort((a, b) => this.restMsOf(a) - this.restMsOf(b));
    const recovered = (): boolean => this.hasRecovered;
    const rested =
      first && (await this.guards.of(first).rest.over(withinMs, (ms) => pause(ms, this.calls.signal), recovered));
    if (rested) return this.waiting.splice(this.waiting.indexOf(first), 1)[0];
    const back = this.turnedAway.findIndex(({ target, at }) => this.hasCome(target, at));
    return back < 0 ? undefined : this.turnedAway.splice(back, 1)[0]?.target;
  }

  /** The breaker of one that was taken let nothing through. */
  turnAway(target: TargetStatus): void {
    this.turnedAway.push({ target, at: performance.now() });
  }

  /** A call failed. @param askedAt when it began, `performance.now()` milliseconds */
  failed(target: TargetStatus, failure: UpstreamFailure, askedAt: number): void {
    const { remedy } = failure;
    this.failures.push(failure);
    if (mayPass(failure)) this.mayRecover.add(target);
    this.guards.failed(target, failure, askedAt);
    if (remedy === 'larger_window') this.keepLarger(target.contextWindow);
  }

  /** What the caller gets when nobody is left. */
  failureOfAll(): AppError {
    const untried = this.waiting.length > 0 || this.turnedAway.length > 0;
    return failureOfAll({ failures: this.failures, untried, waitMs: this.untilFirstMs() }, Math.random());
  }

  private restWithinMs(): number {
    const leftMs = this.calls.budget.remainingMs();
    const onlyRests = this.failures.every(({ outcome }) => outcome === 'rate_limited');
    return onlyRests ? leftMs : Math.min(leftMs, WORTH_WAITING_MS);
  }

  /** Milliseconds until the first candidate can answer, as far as that is known. */
  private untilFirstMs(): number | null {
    const waits = [...this.calls.candidates, ...this.calls.down].flatMap((target) => {
      if (target.breaker === 'drained') return [];
      const ms = Math.max(this.restMsOf(target), target.openForMs);
      if (ms > 0) return [ms];
      return this.mayRecover.has(target) ? [UNKNOWN_WAIT_MS] : [];
    });
    return waits.length === 0 ? null : Math.min(...waits);
  }

  /** A window of this size was too small. One that is unknown is not known to be: such a target is asked once. */
  private keepLarger(window: number | null): void {
    const mayBeLarger = ({ contextWindow: other }: TargetStatus): boolean =>
      window === null || other === null || other > window;
    this.waiting = this.waiting.filter(mayBeLarger);
    this.turnedAway = this.turnedAway.filter(({ target }) => mayBeLarger(target));
  }

  private restMsOf(target: TargetStatus): number {
    return this.guards.of(target).rest.leftMs;
  }

  /** Not at once: another caller, or another replica, may be at the probe that it was turned away for. */
  private hasCome(target: TargetStatus, turnedAwayAt: number): boolean {
    const { breaker } = this.guards.of(target);
    const comes = breaker.state === 'closed' || breaker.awaitsProbe;
    return comes && this.isReady(target) && performance.now() - turnedAwayAt > LOOK_MS;
  }

  private isInUse(target: TargetStatus): boolean {
    return target.breaker !== 'drained' && this.guards.of(target).breaker.state !== 'open';
  }

  private isReady(target: TargetStatus): boolean {
    return this.isInUse(target) && this.guards.of(target).rest.leftMs === 0;
  }
}
