import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Load } from './plan.js';
import { randomAt } from './questions.js';

type Closed = Extract<Load, { kind: 'closed' }>;
type Open = Extract<Load, { kind: 'open' }>;

/**
 * Makes one request and counts it.
 *
 * @param number from 0
 * @param caller user of a closed loop, in an open one the number again
 * @param dueMs when it should begin, since the start of the run
 */
export type Ask = (number: number, caller: number, dueMs: number) => Promise<void>;

/** The time of a run, milliseconds since its start, and the signal that ends it early. */
export interface RunTime {
  readonly startedAt: number;
  readonly stop: AbortSignal;
}

const sinceStart = ({ startedAt }: RunTime): number => performance.now() - startedAt;

/** Users who wait for an answer before they ask again. Resolves when the last answer is there. */
export async function closedLoop(load: Closed, time: RunTime, ask: Ask): Promise<void> {
  const { users, requests, thinkMs, durationMs } = load;
  const user = async (_: unknown, caller: number): Promise<void> => {
    for (let i = 0; requests === null || i < requests; i += 1) {
      if (time.stop.aborted || (durationMs !== null && sinceStart(time) >= durationMs)) return;
      await ask(caller + i * users, caller, sinceStart(time));
      if (thinkMs > 0) await pause(thinkMs, time.stop);
    }
  };
  await Promise.all(Array.from({ length: users }, user));
}

async function pause(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal: stop });
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}

/**
 * Requests that are due whatever became of those before. What is due while `maxInFlight` are under way begins when one
 * of them has ended, and is still counted from when it was due.
 */
export class OpenLoop {
  private number = 0;
  private inFlight = 0;
  private dueMs: number;
  private timer: NodeJS.Timeout | null = null;
  private failure: Error | null = null;
  private ended = false;
  private finish: () => void = () => undefined;

  constructor(
    private readonly load: Open,
    private readonly seed: number,
    private readonly time: RunTime,
    private readonly ask: Ask,
  ) {
    this.dueMs = this.after(0);
  }

  /**
   * Resolves when the time is over and the last answer is there.
   *
   * @returns how many were due and never begun
   */
  async run(): Promise<number> {
    const over = new Promise<void>((settle) => (this.finish = settle));
    const end = (): void => this.end();
    const last = setTimeout(end, this.load.durationMs);
    this.time.stop.addEventListener('abort', end, { once: true });
    this.pump();
    await over;
    clearTimeout(last);
    this.time.stop.removeEventListener('abort', end);
    if (this.failure) throw this.failure;
    return this.missed;
  }

  private missed = 0;

  private end(): void {
    if (this.ended) return;
    this.pump();
    this.ended = true;
    if (this.timer) clearTimeout(this.timer);
    const until = Math.min(sinceStart(this.time), this.load.durationMs);
    for (; this.dueMs < until; this.advance()) this.missed += 1;
    if (this.inFlight === 0) this.finish();
  }

  /** Begins all that is due and has room, and looks again when the next one is. */
  private pump(): void {
    if (this.ended) return;
    const { maxInFlight, durationMs } = this.load;
    const now = sinceStart(this.time);
    while (this.dueMs <= now && this.dueMs < durationMs && this.inFlight < maxInFlight) this.begin();
    if (this.timer) clearTimeout(this.timer);
    const blocked = this.inFlight >= maxInFlight; // the one that ends looks again
    this.timer = blocked || this.dueMs >= durationMs ? null : setTimeout(() => this.pump(), this.dueMs - now);
  }

  private begin(): void {
    const { number, dueMs } = this;
    this.advance();
    this.inFlight += 1;
    this.ask(number, number, dueMs)
      .catch((error: unknown) => (this.failure = error as Error))
      .finally(() => this.oneEnded());
  }

  private oneEnded(): void {
    this.inFlight -= 1;
    if (this.failure) this.end();
    if (this.ended && this.inFlight === 0) this.finish();
    else if (!this.timer || this.dueMs <= sinceStart(this.time)) this.pump();
  }

  private advance(): void {
    this.number += 1;
    this.dueMs = this.after(this.dueMs);
  }

  /** Poisson: gaps with the exponential distribution. Constant ones are computed anew, so that no error adds up. */
  private after(dueMs: number): number {
    const { rate, arrivals } = this.load;
    if (arrivals === 'constant') return (this.number * 1000) / rate;
    return dueMs - (Math.log(1 - randomAt(this.seed ^ 0x5eed, this.number)) * 1000) / rate;
  }
}
