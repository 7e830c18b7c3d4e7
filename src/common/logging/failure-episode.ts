/** What fails again within this time of its recovery goes to and fro: it must work for as long before that is told. */
const STEADY_MS = 60_000;
const MS_PER_SECOND = 1_000;

/**
 * One thing that can fail, from its first failure until it works again: a store, a target, a poll. Says which failures and
 * successes are news, so that a failure is told once, and its end once with how long it lasted, however many requests or
 * ticks meet it. Its owner writes the lines.
 *
 * What fails and works in turns is told as failing, and as working once it has for a minute: two lines a minute at most.
 */
export class FailureEpisode {
  /** So far in this episode. */
  private failures = 0;
  private beganAt = 0;
  private failedAt = 0;
  private endedAt = -Infinity;
  private isUnsteady = false;
  private readonly told = new Set<string>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  get isOpen(): boolean {
    return this.failures > 0;
  }

  /**
   * Counts a failure.
   *
   * @param kind of a closed set; it is news that something fails in another way than before
   * @returns whether it is to be told
   */
  failed(kind = ''): boolean {
    this.failedAt = this.now();
    if (this.failures === 0) {
      this.beganAt = this.failedAt;
      this.isUnsteady = this.failedAt - this.endedAt < STEADY_MS;
    }
    this.failures += 1;
    if (this.told.has(kind)) return false;
    this.told.add(kind);
    return true;
  }

  /**
   * It works now: costs next to nothing where that is no news.
   *
   * @returns what is to be told of the end, to be put behind "... again": "after 12.3 s and 200 failures"; `null` = nothing
   */
  worked(): string | null {
    if (this.failures === 0) return null;
    const now = this.now();
    if (this.isUnsteady && now - this.failedAt < STEADY_MS) return null;
    const seconds = ((now - this.beganAt) / MS_PER_SECOND).toFixed(1);
    const words = `after ${seconds} s and ${this.failures} failure${this.failures === 1 ? '' : 's'}`;
    this.failures = 0;
    this.endedAt = now;
    this.told.clear();
    return words;
  }
}
