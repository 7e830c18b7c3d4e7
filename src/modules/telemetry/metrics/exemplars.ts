import { Injectable } from '@nestjs/common';
import type { BoundHistogram } from './bound-series.js';

/** After a scrape in the form that shows them; Prometheus comes again sooner. */
const WANTED_MS = 5 * 60_000;

/**
 * Traces beside the values of a histogram. One costs five times the value itself, so they are noted only for traces that are
 * kept, and while somebody reads the form that shows them.
 */
@Injectable()
export class Exemplars {
  /** `performance.now()` milliseconds. */
  private wantedUntil = -Infinity;

  /** Somebody reads them now, and will again. */
  wanted(): void {
    this.wantedUntil = performance.now() + WANTED_MS;
  }

  observe(histogram: BoundHistogram, value: number, traceId: string | null): void {
    if (traceId !== null && performance.now() < this.wantedUntil) histogram.observeIn(traceId, value);
    else histogram.observe(value);
  }
}
