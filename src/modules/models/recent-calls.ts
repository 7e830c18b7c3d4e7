import type { CallStatistics, LastError } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';

const SAMPLES = 64;

/** The latest calls of one target: enough to compare targets, small enough to forget a bad minute. */
export class RecentCalls implements CallStatistics {
  private readonly firstTokens: number[] = [];
  private readonly failures: boolean[] = [];
  lastError: LastError | null = null;

  /** @param firstTokenMs time to first token, `null` for a call that brought none */
  succeeded(firstTokenMs: number | null): void {
    if (firstTokenMs !== null) keep(this.firstTokens, firstTokenMs);
    keep(this.failures, false);
  }

  failed({ outcome, message, detail }: UpstreamFailure): void {
    keep(this.failures, true);
    const status = detail.status ?? null;
    this.lastError = { outcome, status, at: new Date().toISOString(), words: message };
  }

  get errorRate(): number {
    if (this.failures.length === 0) return 0;
    return this.failures.filter(Boolean).length / this.failures.length;
  }

  /** Nearest-rank percentiles of the time to first token, milliseconds. */
  get ttftMs(): CallStatistics['ttftMs'] {
    const sorted = this.firstTokens.toSorted((a, b) => a - b);
    const percentile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? null;
    return { p50: percentile(0.5), p95: percentile(0.95) };
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > SAMPLES) list.shift();
}
