const MAX_AGE_MS = 1_000;
/** A question without an answer is asked again after so many times its age limit. */
const PATIENCE = 10;

/**
 * An answer that is asked for more often than it changes: one question is under way at a time, and its answer holds for 1 s
 * from the moment it was asked. So a loop of probes from outside costs a store one question a second.
 */
export class RecentAnswer<T> {
  private answer: Promise<T> | null = null;
  private underWay = false;
  private askedAt = 0;

  /** @param lasts an answer that does not is given to those who waited for it, and to nobody else */
  constructor(
    private readonly ask: () => Promise<T>,
    private readonly lasts: (answer: T) => boolean = () => true,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** At most 1 s old, or of a question that is still under way. Rejects with what that question rejected with. */
  get(): Promise<T> {
    const now = this.now();
    const holds = now - this.askedAt < MAX_AGE_MS * (this.underWay ? PATIENCE : 1);
    if (this.answer && holds) return this.answer;
    this.askedAt = now;
    this.underWay = true;
    return (this.answer = this.question());
  }

  private async question(): Promise<T> {
    try {
      const answer = await this.ask();
      if (!this.lasts(answer)) this.answer = null;
      return answer;
    } finally {
      this.underWay = false;
    }
  }
}
