import { performance } from 'node:perf_hooks';
import { closedLoop, OpenLoop } from './arrivals.js';

const OPEN = { kind: 'open', rate: 200, arrivals: 'constant', maxInFlight: 1_000, durationMs: 250 } as const;
const run = (changes: object, ask: (number: number, dueMs: number) => Promise<void>, stop = new AbortController()) => {
  const time = { startedAt: performance.now(), stop: stop.signal };
  return new OpenLoop({ ...OPEN, ...changes }, 1, time, (number, _, dueMs) => ask(number, dueMs)).run();
};

describe('an open loop', () => {
  it('begins what is due, once, in order and on time', async () => {
    const due: [number, number][] = [];
    const missed = await run({}, async (...it) => void due.push(it));
    expect(missed).toBe(0);
    expect(due).toEqual(Array.from({ length: 50 }, (_, n) => [n, n * 5]));
  });

  it('does not wait for answers, and lets those wait for whom there is no room', async () => {
    let inFlight = 0;
    let most = 0;
    let begun = 0;
    const delays: number[] = [];
    const startedAt = performance.now();
    const held = Promise.withResolvers<void>();
    const missed = await run({ maxInFlight: 5 }, async (number, dueMs) => {
      begun += 1;
      most = Math.max(most, (inFlight += 1));
      delays.push(performance.now() - startedAt - dueMs);
      if (number === 4) setTimeout(() => held.resolve(), 100);
      await held.promise;
      inFlight -= 1;
    });
    expect({ most, all: begun + missed }).toEqual({ most: 5, all: 50 });
    expect(missed).toBe(0); // what waited is caught up with
    expect(Math.max(...delays)).toBeGreaterThan(80); // and is late by as much
  });

  it('tells what was due and never begun', async () => {
    const held = Promise.withResolvers<void>();
    setTimeout(() => held.resolve(), 300);
    expect(await run({ maxInFlight: 5 }, () => held.promise)).toBe(45);
  });

  it('comes at the same random times for the same seed, about as often as asked', async () => {
    const timesOf = async () => {
      const due: number[] = [];
      await run({ arrivals: 'poisson', rate: 1_000 }, async (_, dueMs) => void due.push(dueMs));
      return due;
    };
    const first = await timesOf();
    expect(await timesOf()).toEqual(first);
    expect(first.length).toBeGreaterThan(180);
    expect(first.length).toBeLessThan(320);
  });

  it('ends at once when it is stopped, and fails with what fails', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const from = performance.now();
    await run({ durationMs: 60_000 }, async () => undefined, stop);
    expect(performance.now() - from).toBeLessThan(5_000);
    await expect(run({}, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});

describe('a closed loop', () => {
  const time = { startedAt: performance.now(), stop: new AbortController().signal };
  const closed = { kind: 'closed', users: 3, requests: 4, thinkMs: 0, durationMs: null } as const;

  it('has each user ask again when he has his answer', async () => {
    const asked: number[] = [];
    const waiting = new Set<number>();
    await closedLoop(closed, time, async (number, caller) => {
      expect(waiting.has(caller)).toBe(false);
      waiting.add(caller);
      asked.push(number);
      await new Promise(setImmediate);
      waiting.delete(caller);
    });
    expect(asked.sort((a, b) => a - b)).toEqual([...Array(12).keys()]);
  });
});
