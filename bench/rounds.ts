/** One turn of an A/B comparison; both were measured right after one another. */
export interface Pair<T> {
  readonly router: T;
  readonly bare: T;
}

/** Warms both up and measures them in turn, in changing order: what the machine does meanwhile meets both alike. */
export async function inTurn<T>(
  count: number,
  warmUp: ((side: keyof Pair<T>) => Promise<unknown>) | null,
  measure: (side: keyof Pair<T>) => Promise<T>,
): Promise<Pair<T>[]> {
  await warmUp?.('bare');
  await warmUp?.('router');
  const pairs: Pair<T>[] = [];
  for (let n = 0; n < count; n += 1) {
    if (n % 2 === 0) {
      const bare = await measure('bare');
      pairs.push({ bare, router: await measure('router') });
    } else {
      const router = await measure('router');
      pairs.push({ router, bare: await measure('bare') });
    }
  }
  return pairs;
}
