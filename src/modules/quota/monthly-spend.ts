/** First moment of the next calendar month, UTC, milliseconds since 1970. */
export function nextMonth(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

const DAY_MS = 86_400_000;
/** Every request asks for the same few times. */
let latest = { day: NaN, month: '' };

/** The calendar month (UTC) of a moment, `yyyy-mm`. */
export function monthName(now: number): string {
  const day = Math.floor(now / DAY_MS);
  if (day !== latest.day) latest = { day, month: new Date(now).toISOString().slice(0, 'yyyy-mm'.length) };
  return latest.month;
}

/**
 * USD in the newest calendar month (UTC) it was asked about, by the key of an account. Times are milliseconds since 1970; what belongs to
 * an earlier month changes nothing.
 */
export class MonthlySpend {
  private readonly usd = new Map<string, number>();
  private month = '';

  add(now: number, user: string, costUsd: number): void {
    if (this.turn(now) && costUsd > 0) this.usd.set(user, (this.usd.get(user) ?? 0) + costUsd);
  }

  /** Takes back what was added. */
  subtract(now: number, user: string, costUsd: number): void {
    if (!this.turn(now)) return;
    const rest = (this.usd.get(user) ?? 0) - costUsd;
    if (rest > 0) this.usd.set(user, rest);
    else this.usd.delete(user);
  }

  /** Learns of a sum that is known elsewhere; a month's sum only grows, so the larger one is the newer. */
  raise(now: number, user: string, sumUsd: number): void {
    if (this.turn(now) && sumUsd > (this.usd.get(user) ?? 0)) this.usd.set(user, sumUsd);
  }

  /** Whether something happens for the first time in the month; a mark is kept beside the sums, as they are. */
  isFirst(now: number, mark: string): boolean {
    const name = `first|${mark}`;
    if (!this.turn(now) || this.spent(now, name) > 0) return false;
    this.add(now, name, 1);
    return true;
  }

  spent(now: number, user: string): number {
    return this.turn(now) ? (this.usd.get(user) ?? 0) : 0;
  }

  /** Whether `now` is in the month that is being counted; a new month begins at zero. */
  private turn(now: number): boolean {
    const month = monthName(now);
    if (month > this.month) {
      this.usd.clear();
      this.month = month;
    }
    return month === this.month;
  }
}
