const CAPACITY = 10;
const PER_SECOND = 1;
const PER_SUCCESS = 0.2;

/**
 * How many more retries one target may be given: an outage must not be multiplied by the retries of everybody who meets
 * it. A token bucket: 10 retries at once, one more a second, and one more for every five calls that succeed.
 *
 * @see https://sre.google/sre-book/handling-overload/ (per-client retry budget)
 */
export class RetryBudget {
  private tokens = CAPACITY;
  private filledAt: number;

  /** @param now milliseconds, monotonic */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.filledAt = now();
  }

  /** Takes a retry if there is one left. */
  take(): boolean {
    const at = this.now();
    this.add(((at - this.filledAt) / 1000) * PER_SECOND);
    this.filledAt = at;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** A call of the target succeeded. */
  succeeded(): void {
    this.add(PER_SUCCESS);
  }

  private add(tokens: number): void {
    this.tokens = Math.min(CAPACITY, this.tokens + tokens);
  }
}
