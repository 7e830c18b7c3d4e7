import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

const RESOLUTION_MS = 5;
/** From here on what is measured is partly this process. */
const LATE_MS = 20;
const BUSY = 0.85;

export interface OwnLoad {
  /** How much later than asked this process came to run. */
  readonly lag_p99_ms: number;
  readonly lag_max_ms: number;
  /** Share of the time in which its event loop was busy, 0 to 1. */
  readonly utilization: number;
  readonly was_bottleneck: boolean;
}

/** Watches this process: a load generator that is late measures itself. */
export class OwnLoadWatch {
  private readonly delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private readonly before = performance.eventLoopUtilization();

  constructor() {
    this.delay.enable();
  }

  end(): OwnLoad {
    this.delay.disable();
    // The histogram holds whole intervals of the timer, nanoseconds.
    const beyond = (ns: number): number => (Number.isFinite(ns) ? Math.max(0, ns / 1e6 - RESOLUTION_MS) : 0);
    const { utilization } = performance.eventLoopUtilization(this.before);
    const p99 = beyond(this.delay.percentile(99));
    return {
      lag_p99_ms: p99,
      lag_max_ms: beyond(this.delay.max),
      utilization,
      was_bottleneck: p99 > LATE_MS || utilization > BUSY,
    };
  }
}
