import { performance } from 'node:perf_hooks';
import { Agent } from 'undici';
import { closedLoop, OpenLoop, type Ask } from './arrivals.js';
import { askOnce } from './one-request.js';
import { OwnLoadWatch, type OwnLoad } from './own-load.js';
import type { Plan } from './plan.js';
import type { Progress } from './progress-bar.js';
import { Questions } from './questions.js';
import { newHistogram, record, Tally } from './tally.js';

const TICK_MS = 100;

export interface Measured {
  readonly tally: Tally;
  /** From the first request until the last answer; of it, what was measured. */
  readonly seconds: number;
  readonly measuredSeconds: number;
  /** Open loop: due, and never begun because too many were in flight. */
  readonly notStarted: number;
  /** How much later than due a request began. */
  readonly startDelay: ReturnType<typeof newHistogram>;
  readonly own: OwnLoad;
  readonly interrupted: boolean;
}

/** @param stop ends the run early; what is in flight is given up */
export async function runLoad(
  plan: Plan,
  urls: readonly URL[],
  stop: AbortSignal,
  onTick: (progress: Progress) => void,
): Promise<Measured> {
  const { load, asking, timeoutMs, warmupMs } = plan;
  const dispatcher = connectionsFor(plan);
  const questions = new Questions(asking);
  const tally = new Tally();
  const startDelay = newHistogram();
  let inFlight = 0;
  const own = new OwnLoadWatch();
  const startedAt = performance.now();
  const time = { startedAt, stop };
  const ask: Ask = async (number, caller, dueMs) => {
    const delayMs = performance.now() - startedAt - dueMs;
    const origin = urls[number % urls.length] as URL;
    inFlight += 1;
    const outcome = await askOnce(questions.of(number, caller), { dispatcher, origin, timeoutMs, signal: stop });
    inFlight -= 1;
    record(startDelay, delayMs);
    tally.add(outcome, dueMs, delayMs + outcome.ms, dueMs >= warmupMs);
  };
  const tick = (): void =>
    onTick({
      share: shareDone(plan, tally.total.requests, performance.now() - startedAt),
      requests: tally.total.requests,
      failed: tally.total.requests - tally.total.answered,
      inFlight,
    });
  const ticking = setInterval(tick, TICK_MS);
  try {
    const notStarted =
      load.kind === 'closed'
        ? await closedLoop(load, time, ask).then(() => 0)
        : await new OpenLoop(load, asking.seed, time, ask).run();
    const ms = performance.now() - startedAt;
    tick();
    return {
      ...{ tally, notStarted, startDelay, own: own.end(), interrupted: stop.aborted },
      seconds: ms / 1000,
      measuredSeconds: Math.max(0, ms - warmupMs) / 1000,
    };
  } finally {
    clearInterval(ticking);
    await dispatcher.destroy();
  }
}

/** `--timeout-seconds` is the one limit of a request. */
function connectionsFor({ load, timeoutMs }: Plan): Agent {
  return new Agent({
    connections: load.kind === 'closed' ? load.users : load.maxInFlight,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: timeoutMs },
  });
}

/** By requests where their number is known, else by time. */
function shareDone({ load }: Plan, requests: number, ms: number): number {
  if (load.kind === 'closed' && load.requests !== null) return requests / (load.users * load.requests);
  return Math.min(1, ms / (load.durationMs as number));
}
