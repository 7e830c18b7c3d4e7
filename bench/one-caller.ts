import { oneCaller, type Questions } from './load.js';
import type { Pace } from './pace.js';
import { median, percentile } from './statistics.js';

/** One caller's requests, one after the other; milliseconds. */
export async function waits(server: Questions, { oneCallerRequests }: Pace): Promise<number[]> {
  const [latencies] = await oneCaller([server], oneCallerRequests);
  return latencies!;
}

/** Some blocks of them, after one that counts for nothing. */
export async function blocksOf(server: Questions, pace: Pace): Promise<number[][]> {
  await waits(server, pace);
  const blocks: number[][] = [];
  for (let n = 0; n < pace.answers.rounds; n += 1) blocks.push(await waits(server, pace));
  return blocks;
}

/** The median over the blocks, so that a pause of the machine spoils one of them and not the percentile. @param share 0 to 1 */
export const percentileOf = (blocks: readonly (readonly number[])[], share: number): number =>
  median(blocks.map((block) => percentile(block, share)));
