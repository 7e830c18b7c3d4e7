import type { UpstreamFailure } from '../../common/upstream-failure.js';

/** A server that sends 429 and no time is given so long, then twice that, and so on. */
const FIRST_REST_MS = 500;
const LONGEST_OWN_REST_MS = 30_000;
/** What a server may ask for: a quota of a day is asked about once an hour all the same. */
const LONGEST_ASKED_REST_MS = 3_600_000;
/** Between two questions whether a model is loaded. */
const FIRST_LOADING_MS = 250;
const LONGEST_LOADING_MS = 2_000;
/** Own waits vary by this share to either side. */
const JITTER = 0.25;
/** Requests that may wait for one target; more would all come back together. */
const MAX_WAITING = 256;
/** A target that refuses this service or its model over and over is asked after the others for so long. */
const AVOIDED_MS = 30_000;
/** How often a request that waits looks whether another target is back. */
export const LOOK_MS = 1_000;
/** Those who waited come back spread over a tenth of the rest, at most so long. */
const LONGEST_SPREAD_MS = 1_000;

/**
 * When a target may be asked again: it asked for rest (429, or a 503 with `Retry-After`), or its model is being loaded.
 * Until then nobody asks it, whichever request met the answer.
 */
export class TargetRest {
  private until = 0;
  private notedAt = 0;
  private lastMs = 0;
  private inARow = 0;
  private waiting = 0;
  private refusals = 0;
  private avoidedUntil = 0;

  /** @param refusalsInARow after so many the target is avoided @param now milliseconds, monotonic @param random 0 to 1 */
  constructor(
    private readonly refusalsInARow: number,
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds until it may be asked; 0 = at once. */
  get leftMs(): number {
    return Math.max(0, this.until - this.now());
  }

  /**
   * Notes what a call met.
   *
   * @param askedAt when that call began: answers to calls that were under way together are one answer
   * @returns milliseconds of rest that begin now; 0 when the failure asks for none
   */
  note({ outcome, detail: { retryAfterMs } }: UpstreamFailure, askedAt: number): number {
    if (outcome === 'auth' || outcome === 'not_found') {
      this.refusals += 1;
      if (this.refusals >= this.refusalsInARow) this.avoidedUntil = this.now() + AVOIDED_MS;
    }
    if (outcome !== 'loading' && outcome !== 'rate_limited' && !retryAfterMs) return 0;
    if (retryAfterMs) return this.restFor(Math.min(retryAfterMs, LONGEST_ASKED_REST_MS));
    if (askedAt < this.notedAt) return 0;
    this.notedAt = this.now();
    const [first, longest] =
      outcome === 'loading' ? [FIRST_LOADING_MS, LONGEST_LOADING_MS] : [FIRST_REST_MS, LONGEST_OWN_REST_MS];
    const ms = Math.min(longest, first * 2 ** this.inARow) * (1 + JITTER * (2 * this.random() - 1));
    this.inARow = Math.min(this.inARow + 1, 16);
    return this.restFor(ms);
  }

  /** It rests at least so long from now; also told by other replicas. @returns `ms` */
  restFor(ms: number): number {
    if (ms > this.leftMs) {
      this.until = this.now() + ms;
      this.lastMs = ms;
    }
    return ms;
  }

  /** A call was answered. */
  answered(): void {
    this.inARow = 0;
    this.refusals = 0;
    this.avoidedUntil = 0;
  }

  /** Whether others are to be asked first: a key or a model name that is wrong stays wrong until somebody mends it. */
  get isAvoided(): boolean {
    return this.now() < this.avoidedUntil;
  }

  /**
   * Waits until the target may be asked.
   *
   * @param withinMs the longest wait
   * @param pause resolves after so many milliseconds, or throws
   * @param elsewhere asked once a second: whether waiting has become needless
   * @returns `false`, at once where that can be known, when it would take longer or too many wait already
   */
  async over(
    withinMs: number,
    pause: (ms: number) => Promise<void>,
    elsewhere: () => boolean = () => false,
  ): Promise<boolean> {
    if (this.leftMs === 0) return true;
    const end = this.now() + withinMs;
    if (this.until > end || this.waiting >= MAX_WAITING) return false;
    this.waiting += 1;
    try {
      while (this.leftMs > 0) {
        if (this.until > end || elsewhere()) return false;
        const spread = Math.min(LONGEST_SPREAD_MS, this.lastMs / 10) * this.random();
        const restMs = this.leftMs + Math.min(spread, end - this.until) + 1; // timers may fire a millisecond early
        await pause(restMs > 2 * LOOK_MS ? LOOK_MS : restMs);
      }
      return true;
    } finally {
      this.waiting -= 1;
    }
  }
}
