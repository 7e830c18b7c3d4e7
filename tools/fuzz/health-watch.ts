import { once } from 'node:events';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { percentile } from '../../bench/statistics.js';

export interface HealthReport {
  readonly asked: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly slowest: number;
  /** How late this machine let the watch itself go on, milliseconds: the part that is not the service's. */
  readonly stallP95: number;
  readonly failures: readonly string[];
}

const EVERY_MS = 50;
const DEADLINE_MS = 5_000;

/** Asks `/health` of a service until it is told to stop. */
export class HealthWatch {
  private readonly worker: Worker;

  constructor(url: URL) {
    const workerData = { url: new URL('/health', url).href, everyMs: EVERY_MS, deadlineMs: DEADLINE_MS };
    this.worker = new Worker(resolve('tools/fuzz/health-asker.mjs'), { workerData });
  }

  async stop(): Promise<HealthReport> {
    this.worker.postMessage('stop');
    const [told] = (await once(this.worker, 'message')) as [{ times: number[]; stalls: number[]; failures: string[] }];
    const { times, stalls, failures } = told;
    const asked = times.length + failures.length;
    const slowest = Math.max(0, ...times);
    return {
      asked,
      p50: percentile(times, 0.5),
      p95: percentile(times, 0.95),
      slowest,
      stallP95: percentile(stalls, 0.95),
      failures,
    };
  }
}
