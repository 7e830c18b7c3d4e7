import { Logger } from '@nestjs/common';
import type { Delivery, Signal } from './destination.js';

const MS_PER_SECOND = 1_000;
/** An endpoint that takes every other batch is not well: so long nothing must have failed. */
const CALM_MS = 10_000;

/** Says once that one kind of telemetry does not get through to one destination, and once that it does again. */
export class ExportWatch {
  private readonly logger = new Logger('telemetry');
  /** `performance.now()`; `null` = it gets through. */
  private failingSince: number | null = null;
  private failedAt = 0;
  private lostSince = 0;

  /** @param count adds to what was lost, over all destinations */
  constructor(
    private readonly destination: string,
    private readonly signal: Signal,
    private readonly count: (signal: Signal, lost: number) => void,
    private readonly calmMs = CALM_MS,
  ) {}

  delivered({ lost, problem }: Delivery): void {
    if (lost > 0) {
      this.lostSince += lost;
      this.count(this.signal, lost);
    }
    if (problem !== null) return this.fails(problem);
    const now = performance.now();
    if (this.failingSince === null || now - this.failedAt < this.calmMs) return;
    const seconds = Math.round((now - this.failingSince) / MS_PER_SECOND);
    this.logger.log(
      `${this.destination} gets ${this.signal} again, after ${seconds} s; ${this.lostSince} items are lost`,
    );
    this.failingSince = null;
    this.lostSince = 0;
  }

  private fails(problem: string): void {
    this.failedAt = performance.now();
    if (this.failingSince !== null) return;
    this.failingSince = this.failedAt;
    this.logger.warn(`${this.destination} does not get ${this.signal} (${problem}); requests go on without`);
  }
}
