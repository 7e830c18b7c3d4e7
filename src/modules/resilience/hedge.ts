import { Injectable } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { inTime } from '../../common/in-time.js';
import { mayHaveToLoad, type TargetStatus } from '../../common/target.js';
import type { BegunAnswer } from './begun-answer.js';
import type { Candidates } from './candidates.js';
import type { ModelCalls } from './resilience.messages.js';
import type { TryTarget } from './retry.js';

/** One target on its way to an answer, beside others. */
interface Lane {
  readonly target: TargetStatus;
  readonly startedAt: number;
  /** Ends it, unless it goes on for its own sake. */
  readonly controller: AbortController;
  /** `null` when the target could not answer. */
  readonly result: Promise<BegunAnswer | null>;
}

/** Timers may fire so much before their time, milliseconds. */
const EARLY_MS = 2;

/** Another target was faster. */
class HedgeLost extends Error {}

/**
 * Starts the next target beside one that is slow to begin; the first to begin wins and the others are cancelled. A target
 * that may have to load its model is slow after `firstTokenMs`, every other one after `resilience.hedgeAfterMs`.
 *
 * @see https://research.google/pubs/the-tail-at-scale/ (hedged requests)
 */
@Injectable()
export class Hedge {
  /** Targets that a call nobody waits for any more is loading. */
  private readonly loading = new Set<string>();
  private readonly background = new BackgroundWork('resilience');

  /** @param hedgeAfterMs 0 = only beside a model that is being loaded */
  around(tryTarget: TryTarget, candidates: Candidates, calls: ModelCalls, hedgeAfterMs: number): TryTarget {
    return async (target, how) => {
      let patienceMs = headStartMs(target, candidates, calls, hedgeAfterMs);
      if (patienceMs === Infinity) return tryTarget(target, how);
      const running = new Set<Lane>();
      const start = (next: TargetStatus): void => {
        const controller = new AbortController();
        const signal = AbortSignal.any([how.signal, controller.signal]);
        const startedAt = performance.now();
        const isHedge = running.size > 0 ? ({ isHedge: true } as const) : {};
        running.add({ target: next, startedAt, controller, result: tryTarget(next, { ...how, ...isHedge, signal }) });
      };
      start(target);
      try {
        while (running.size > 0) {
          const done = await firstDone(running, patienceMs);
          if (done) {
            running.delete(done.lane);
            if (done.begun) return done.begun;
          } else {
            const next = candidates.takeReady();
            if (next) start(next);
            patienceMs = next ? headStartMs(next, candidates, calls, hedgeAfterMs) : Infinity;
          }
        }
        return null;
      } finally {
        for (const lane of running) this.drop(lane, calls);
      }
    };
  }

  /** Its end is of no interest any more; one that begins all the same is closed. */
  private drop(lane: Lane, calls: ModelCalls): void {
    if (!this.keepLoading(lane, calls)) lane.controller.abort(new HedgeLost());
    this.background.launch('closing an attempt that lost', async () => {
      const begun = await lane.result.catch(() => null); // how it failed is written down in its attempt
      begun?.abandon();
    });
  }

  /**
   * Lets a call that lost against a faster one go on, when it is what loads the target's model: an abort would end the
   * loading too, and the next caller would meet the same cold model. One such call a target. Written down as a timeout.
   */
  private keepLoading({ target, startedAt, result }: Lane, { attempts, request }: ModelCalls): boolean {
    const ms = performance.now() - startedAt;
    const loads = request.stream && ms > target.timeouts.firstTokenMs - EARLY_MS && mayHaveToLoad(target);
    if (!loads || this.loading.has(target.id) || !attempts.close(target.id, 'timeout')) return false;
    this.loading.add(target.id);
    this.background.launch('loading a model', async () => {
      await Promise.allSettled([result]);
      this.loading.delete(target.id);
    });
    return true;
  }
}

/** How long a target may take before the next one is started beside it; Infinity = until it has failed. */
function headStartMs(
  target: TargetStatus,
  candidates: Candidates,
  { request }: ModelCalls,
  hedgeAfterMs: number,
): number {
  if (!candidates.hasReady) return Infinity;
  if (hedgeAfterMs > 0) return hedgeAfterMs;
  const { firstTokenMs, loadMs } = target.timeouts;
  return request.stream === true && loadMs > firstTokenMs && mayHaveToLoad(target) ? firstTokenMs : Infinity;
}

/** `null` when none has come to its end within `withinMs`. */
async function firstDone(
  lanes: ReadonlySet<Lane>,
  withinMs: number,
): Promise<{ readonly lane: Lane; readonly begun: BegunAnswer | null } | null> {
  const done = [...lanes].map(async (lane) => ({ lane, begun: await lane.result }));
  return withinMs === Infinity ? Promise.race(done) : inTime(Promise.race(done), withinMs, null);
}
