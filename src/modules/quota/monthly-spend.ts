/** First moment of the next calendar month, UTC, milliseconds since 1970. */
function nextMonth(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

/** USD spent in the current calendar month (UTC), by user. Times are milliseconds since 1970. */
export class MonthlySpend {
  private readonly usd = new Map<string, number>();
  private endsAt = 0;

  add(now: number, user: string, costUsd: number): void {
    this.turn(now);
    if (costUsd > 0) this.usd.set(user, (this.usd.get(user) ?? 0) + costUsd);
  }

  spent(now: number, user: string): number {
    this.turn(now);
    return this.usd.get(user) ?? 0;
  }

  /** Milliseconds until everybody begins at zero again. */
  endsIn(now: number): number {
    this.turn(now);
    return this.endsAt - now;
  }

  private turn(now: number): void {
    if (now < this.endsAt) return;
    this.usd.clear();
    this.endsAt = nextMonth(now);
  }
}
