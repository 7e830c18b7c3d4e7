import { setTimeout as delay } from 'node:timers/promises';
import { inTime } from './in-time.js';

it('is what the work resolves to, or what it rejects with', async () => {
  expect(await inTime(Promise.resolve(1), 1_000, null)).toBe(1);
  await expect(inTime(Promise.reject(new Error('no')), 1_000, null)).rejects.toThrow('no');
});

it('is the stand-in when the work takes longer, which goes on', async () => {
  const work = delay(50, 'done');
  expect(await inTime(work, 1, 'late')).toBe('late');
  expect(await work).toBe('done');
});
