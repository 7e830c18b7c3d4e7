import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';

const RESOLUTION_MS = 20;
/** A stall is told for one to two windows after it happened. */
const WINDOW_MS = 2_500;
/** Loading code stalls the loop while the service starts; that is no news. */
const START_MS = 2_000;
const NS_PER_MS = 1e6;

/** How long the event loop stood still lately: every caller of this replica waited as long. */
@Injectable()
export class LoopStalls implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private readonly background = new BackgroundWork('health');
  private previousMs = 0;

  onApplicationBootstrap(): void {
    this.background.after('measuring stalls', START_MS, () => {
      this.delays.enable();
      this.background.repeat('measuring stalls', WINDOW_MS, () => this.nextWindow());
    });
  }

  /** The longest stall of the last 2.5 to 5 seconds, milliseconds; 0 while the service starts. */
  get longestMs(): number {
    return Math.max(this.previousMs, this.currentMs);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
    this.delays.disable();
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
