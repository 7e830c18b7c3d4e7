import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { StoreGuard } from './store-guard.js';
import { StoreUnavailable } from './store-unavailable.js';

const MAX_LAST_RESORTS = 32;
const LAST_RESORT = { lastResort: true };
const fails = (): Promise<never> => Promise.reject(new Error('no'));
const answers = (): Promise<string> => Promise.resolve('there');
const hangs = (): Promise<never> => new Promise(() => undefined);

describe('StoreGuard', () => {
  let guard: StoreGuard;

  beforeEach(async () => {
    jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    jest.spyOn(Logger.prototype, 'log').mockReturnValue(undefined);
    guard = new StoreGuard('store');
    for (let failure = 0; failure < 3; failure += 1) await expect(guard.run(fails)).rejects.toThrow(StoreUnavailable);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('makes no call after three failures in a row', async () => {
    const work = jest.fn(answers);
    await expect(guard.run(work)).rejects.toThrow(StoreUnavailable);
    expect(work).not.toHaveBeenCalled();
    expect(guard.usable).toBe(false);
  });

  it('makes one that is the last resort all the same; its answer brings the store back', async () => {
    await expect(guard.run(fails, LAST_RESORT)).rejects.toThrow(StoreUnavailable);
    expect(guard.usable).toBe(false);
    await expect(guard.run(answers, LAST_RESORT)).resolves.toBe('there');
    await expect(guard.run(answers)).resolves.toBe('there');
  });

  it('makes 32 of these at a time', async () => {
    const work = jest.fn(hangs);
    const calls = Array.from({ length: MAX_LAST_RESORTS + 1 }, () => guard.run(work, LAST_RESORT));
    const outcomes = await Promise.allSettled(calls);
    expect(work).toHaveBeenCalledTimes(MAX_LAST_RESORTS);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    await expect(guard.run(answers, LAST_RESORT)).resolves.toBe('there');
  });

  it('waits as long as the call asks', async () => {
    // a pause of this process may lengthen the 250 ms to 500
    const late = () => new Promise((resolve) => setTimeout(resolve, 1_000, 'late'));
    await expect(guard.run(late, LAST_RESORT)).rejects.toThrow('within 250 ms');
    await expect(guard.run(late, { ...LAST_RESORT, deadlineMs: 5_000 })).resolves.toBe('late');
  });
});
