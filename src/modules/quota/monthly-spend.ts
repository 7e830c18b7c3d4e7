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

interface OneMonth {
  /** `yyyy-mm`. */
  readonly month: string;
  readonly usd: Map<string, number>;
}

/**
 * USD in the calendar month (UTC) it was last asked about and in the one before that, by the key of an account. Times are
 * milliseconds since 1970. Two months, as a clock that was wrong for a moment must not end a month's budgets.
 */
export class MonthlySpend {
  private current: OneMonth = { month: '', usd: new Map() };
  private before: OneMonth = this.current;

  add(now: number, user: string, costUsd: number): void {
    const usd = this.usdIn(now);
    if (costUsd > 0) usd.set(user, (usd.get(user) ?? 0) + costUsd);
  }

  /** Takes back what was added. */
  subtract(now: number, user: string, costUsd: number): void {
    const usd = this.usdIn(now);
    const rest = (usd.get(user) ?? 0) - costUsd;
    if (rest > 0) usd.set(user, rest);
    else usd.delete(user);
  }

  /** Learns of a sum that is known elsewhere; a month's sum only grows, so the larger one is the newer. */
  raise(now: number, user: string, sumUsd: number): void {
    const usd = this.usdIn(now);
    if (sumUsd > (usd.get(user) ?? 0)) usd.set(user, sumUsd);
  }

  /** Whether something happens for the first time in the month; a mark is kept beside the sums, as they are. */
  isFirst(now: number, mark: string): boolean {
    const name = `first|${mark}`;
    if (this.spent(now, name) > 0) return false;
    this.add(now, name, 1);
    return true;
  }

  spent(now: number, user: string): number {
    return this.usdIn(now).get(user) ?? 0;
  }

  /** A new month begins at zero. */
  private usdIn(now: number): Map<string, number> {
    const month = monthName(now);
    if (month === this.current.month) return this.current.usd;
    const { current, before } = this;
    this.before = current;
    this.current = month === before.month ? before : { month, usd: new Map() };
    return this.current.usd;
  }
}
