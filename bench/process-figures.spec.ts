import { cpuMs, residentMb } from './process-figures.js';

it('processor time is that of work and not of waiting', async () => {
  const begun = cpuMs(process.pid);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const waited = cpuMs(process.pid) - begun;
  const usedBefore = process.cpuUsage();
  const before = cpuMs(process.pid);
  let used = 0;
  while (used < 300_000) {
    const { user, system } = process.cpuUsage(usedBefore);
    used = user + system;
  }
  const worked = cpuMs(process.pid) - before;
  expect(waited).toBeLessThan(250);
  expect(Math.abs(worked - used / 1000)).toBeLessThan(50);
});

it('resident memory is in MB', () => {
  const here = process.memoryUsage().rss / 1_048_576;
  expect(residentMb(process.pid) / here).toBeCloseTo(1, 0);
  expect(residentMb(-1)).toBeNaN();
});
