import { once } from 'node:events';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { percentile } from '../../bench/statistics.js';

export interface HealthReport {
  readonly asked: number;
  /** Milliseconds. */
  readonly p99: number;
  readonly slowest: number;
  readonly failures: readonly string[];
}

const EVERY_MS = 50;
const DEADLINE_MS = 5_000;

/** Asks `/health` of a service until it is told to stop. */
export class HealthWatch {
  private readonly worker: Worker;

  constructor(url: URL) {
    const workerData = { url: new URL('/health', url).href, everyMs: EVERY_MS, deadlineMs: DEADLINE_MS };
    this.worker = new Worker(resolve('tools/fuzz/health-watch.mjs'), { workerData });
  }

  async stop(): Promise<HealthReport> {
    this.worker.postMessage('stop');
    const [{ times, failures }] = (await once(this.worker, 'message')) as [{ times: number[]; failures: string[] }];
    const asked = times.length + failures.length;
    return { asked, p99: percentile(times, 0.99), slowest: Math.max(0, ...times), failures };
  }
}
