import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

const RESOLUTION_MS = 20;
/** A stall is told for one to two windows after it happened. */
const WINDOW_MS = 10_000;
const NS_PER_MS = 1e6;

/** How long the event loop stood still lately: every caller of this replica waited as long. */
@Injectable()
export class LoopStalls implements OnApplicationShutdown {
  private readonly delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private readonly timer = setInterval(() => this.nextWindow(), WINDOW_MS);
  private previousMs = 0;

  constructor() {
    this.delays.enable();
    this.timer.unref();
  }

  /** The longest stall of the last 10 to 20 seconds, milliseconds. */
  get longestMs(): number {
    return Math.max(this.previousMs, this.currentMs);
  }

  onApplicationShutdown(): void {
    this.delays.disable();
    clearInterval(this.timer);
  }

  /** The histogram holds intervals of its own timer; what exceeds the resolution is the stall. */
  private get currentMs(): number {
    return Math.max(0, this.delays.max / NS_PER_MS - RESOLUTION_MS);
  }

  private nextWindow(): void {
    this.previousMs = this.currentMs;
    this.delays.reset();
  }
}
