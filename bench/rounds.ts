/** One turn of an A/B comparison; both were measured right after one another. */
export interface Pair<T> {
  readonly router: T;
  readonly bare: T;
}

/** Router and bare proxy: see `alternately`. */
export function inTurn<T>(
  count: number,
  warmUp: ((side: keyof Pair<T>) => Promise<unknown>) | null,
  measure: (side: keyof Pair<T>) => Promise<T>,
): Promise<Pair<T>[]> {
  return alternately(['bare', 'router'], count, warmUp, measure);
}

/** Warms all up and measures them in turn, in changing order: what the machine does meanwhile meets all alike. */
export async function alternately<T, Side extends string>(
  sides: readonly Side[],
  count: number,
  warmUp: ((side: Side) => Promise<unknown>) | null,
  measure: (side: Side) => Promise<T>,
): Promise<Record<Side, T>[]> {
  for (const side of sides) await warmUp?.(side);
  const turns: Record<Side, T>[] = [];
  for (let n = 0; n < count; n += 1) {
    const turn = {} as Record<Side, T>;
    for (const side of n % 2 === 0 ? sides : sides.toReversed()) turn[side] = await measure(side);
    turns.push(turn);
  }
  return turns;
}
