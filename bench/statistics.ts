/** The value below which this share (0 to 1) of the values lie, nearest rank; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? NaN;
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** One turn of an A/B comparison; both numbers were measured right after one another. */
export interface Round {
  readonly router: number;
  readonly bare: number;
}

/**
 * The median of the rounds' ratios. Neighbouring measurements share the machine's mood, so their ratio keeps still
 * where the two medians would drift apart.
 */
export function ratioOf(rounds: readonly Round[]): number {
  return median(rounds.map(({ router, bare }) => router / bare));
}
