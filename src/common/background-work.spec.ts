import { jest } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { BackgroundWork } from './background-work.js';
import { StoreUnavailable } from './store-unavailable.js';

const lines: string[] = [];
const nothing = (): void => undefined;
const fail = (why: string): never => {
  throw new Error(why);
};

beforeEach(() => {
  lines.length = 0;
  const error = (_: unknown, text: string) => lines.push(`error ${text}`);
  Logger.overrideLogger({ log: (text: string) => lines.push(text), error, warn: nothing, debug: nothing });
});
afterAll(() => Logger.overrideLogger(false));

describe('BackgroundWork', () => {
  it('tells the first failure and the recovery, and goes on', async () => {
    const work = new BackgroundWork('test');
    const outcomes = ['bad', 'bad', 'good', 'good'];
    const done = Promise.withResolvers<void>();
    work.repeat('the poll', 1, async () => {
      const next = outcomes.shift();
      if (outcomes.length === 0) done.resolve();
      if (next === 'bad') throw new Error('refused');
    });
    await done.promise;
    await work.stop();
    expect(lines).toEqual([
      'error the poll failed; the service goes on without it',
      expect.stringMatching(/^the poll works again, after \d\.\d s and 2 failures$/),
    ]);
  });

  it('takes a store that is away, and what is thrown before the first await', async () => {
    const work = new BackgroundWork('test');
    work.launch('the word', async () => Promise.reject(new StoreUnavailable('redis: away')));
    work.launch('the other word', () => {
      throw new Error('at once');
    });
    await work.stop();
    expect(lines).toEqual(['error the other word failed; the service goes on without it']);
  });

  it('does not overlap the runs of one work', async () => {
    const work = new BackgroundWork('test');
    let [running, most, rounds] = [0, 0, 0];
    const done = Promise.withResolvers<void>();
    work.repeat('a slow one', 1, async () => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      if ((rounds += 1) === 3) done.resolve();
    });
    await done.promise;
    await work.stop();
    expect(most).toBe(1);
  });

  it('does once what several ask for meanwhile, and again when it is asked for later', async () => {
    const work = new BackgroundWork('test');
    let writes = 0;
    const ask = () => work.soon('a write', 1, () => (writes += 1));
    for (let n = 0; n < 3; n += 1) ask();
    await delay(20);
    expect(writes).toBe(1);
    ask();
    await delay(20);
    expect(writes).toBe(2);
    await work.stop();
  });

  it('tells nothing of work that waited when it was told to end, but of what failed then', async () => {
    const work = new BackgroundWork('test');
    work.launch('a look', async (signal) => delay(60_000, undefined, { signal }));
    work.launch('a write', async (signal) => delay(60_000, undefined, { signal }).catch(() => fail('refused')));
    await work.stop();
    expect(lines).toEqual(['error a write failed; the service goes on without it']);
  });

  it.each(['cancel', 'stop'] as const)('holds no timer once it has ended (%s)', async (how) => {
    jest.useFakeTimers();
    try {
      const work = new BackgroundWork('test');
      const [kept, cleared] = [jest.fn(), jest.fn()];
      work.repeat('an hourly sweep', 3_600_000, kept);
      work.after('a late one', 60_000, kept);
      work.soon('a write', 60_000, kept);
      work.clear(work.repeat('a short one', 10, cleared));
      work.clear(work.after('a short one', 10, cleared));
      await jest.advanceTimersByTimeAsync(100);
      expect([jest.getTimerCount(), cleared.mock.calls.length]).toEqual([3, 0]);
      await work[how]();
      work.after('one more', 10, kept);
      work.repeat('one more', 10, kept);
      expect(jest.getTimerCount()).toBe(0);
      expect(kept).not.toHaveBeenCalled();
    } finally {
      jest.useRealTimers();
    }
  });

  it('ends: waits for what is under way, tells it, and begins nothing more', async () => {
    const work = new BackgroundWork('test');
    let [began, ended] = [0, 0];
    work.launch('a long one', async (signal) => {
      began += 1;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      ended += 1;
    });
    work.after('a late one', 1, () => (began += 1));
    await work.stop();
    work.launch('one more', () => (began += 1));
    work.after('one more', 0, () => (began += 1));
    work.repeat('one more', 1, () => (began += 1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([began, ended]).toEqual([1, 1]);
  });
});
