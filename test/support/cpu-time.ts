const US_PER_MS = 1000;

/** What `work` returns and the milliseconds of processor it took in this thread: what other processes do does not count. */
export function timed<T>(work: () => T): { readonly result: T; readonly cpuMs: number } {
  const before = process.threadCpuUsage();
  const result = work();
  const { user, system } = process.threadCpuUsage(before);
  return { result, cpuMs: (user + system) / US_PER_MS };
}
