/**
 * What `work` resolves to, or `late` when that takes longer than `ms` milliseconds; `work` itself goes on. Rejects with
 * what it rejects with in time.
 */
export async function inTime<T, L>(work: Promise<T>, ms: number, late: L): Promise<T | L> {
  const { promise, resolve } = Promise.withResolvers<L>();
  const timer = setTimeout(resolve, ms, late);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
