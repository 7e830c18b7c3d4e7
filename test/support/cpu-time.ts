const US_PER_MS = 1000;
/** Of each side of a comparison, after one to be compiled. */
const RUNS = 5;
/** Between the two sizes of a growth: quadratic work takes 64 times as long. */
const GROWN = 8;
/** Linear work takes `GROWN` times as long, and somewhat more where it outgrows a processor's cache. */
export const LINEAR = 3 * GROWN;

/** What `work` returns and the milliseconds of processor it took in this thread: what other processes do does not count. */
export function timed<T>(work: () => T): { readonly result: T; readonly cpuMs: number } {
  const begun = threadCpuMs();
  const result = work();
  return { result, cpuMs: threadCpuMs() - begun };
}

/**
 * How many times the processor time of `yardstick` `work` takes. Machines differ in speed, and so does one machine from
 * minute to minute: both are measured in turn, and the least of each counts, as what is collected or disturbed in a single
 * run says nothing.
 */
export async function timesAsLong(work: () => unknown, yardstick: () => unknown): Promise<number> {
  await work();
  await yardstick();
  let [least, unit] = [Infinity, Infinity];
  for (let run = 0; run < RUNS; run += 1) {
    least = Math.min(least, await cpuMsOf(work));
    unit = Math.min(unit, await cpuMsOf(yardstick));
  }
  return least / unit;
}

/** How many times as long work of `GROWN` times the size takes; to be compared with `LINEAR`. @param workOf a size */
export const growth = (workOf: (size: number) => () => unknown, size: number): Promise<number> =>
  timesAsLong(workOf(GROWN * size), workOf(size));

/** A yardstick for work that reads a text: finds every word of so much prose. */
export function wordSearch(characters: number): () => unknown {
  const prose = flat('Hello, how are you today, and what did you read in the last 12 days? '.repeat(characters / 69));
  return () => prose.match(/\w+/g);
}

/** The same text as one string and not as a tree of halves, which is what a parsed body has. */
export const flat = (text: string): string => JSON.parse(JSON.stringify(text)) as string;

async function cpuMsOf(work: () => unknown): Promise<number> {
  const begun = threadCpuMs();
  await work();
  return threadCpuMs() - begun;
}

function threadCpuMs(): number {
  process.cpuUsage(); // Linux brings a thread's time up to date when the process's is read, else only every few ms
  const { user, system } = process.threadCpuUsage();
  return (user + system) / US_PER_MS;
}
