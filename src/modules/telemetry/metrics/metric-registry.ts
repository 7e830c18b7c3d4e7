import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, type OpenMetricsContentType } from 'prom-client';
import { inTime } from '../../../common/in-time.js';
import type { MetricFamily } from './exposition.js';

/** A scrape must come back while a store hangs; what cannot be read in time is left out of it. */
const SCRAPE_DEADLINE_MS = 500;
const UNREAD = Symbol('unread');

/** Gauges whose names end as only those of counters may; their sums by `type` are the same figures. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** A value of a gauge or counter that is read when it is scraped. */
export interface Reading {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface HistogramOptions {
  readonly labelNames?: readonly string[];
  readonly buckets: readonly number[];
  /** Whether OpenMetrics shows the trace of a value beside it. */
  readonly exemplars?: boolean;
}

/**
 * All metrics of this replica, those of the process included: the one place that counts, whoever reads it (`/metrics`, OTLP).
 * Every label is a closed set: names from the configuration, HTTP statuses, or codes of ours.
 */
@Injectable()
export class MetricRegistry {
  /** Of this type, as histograms with exemplars ask for it; `exposition.ts` writes both forms. */
  readonly registry = new Registry<OpenMetricsContentType>();

  constructor() {
    this.registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
  }

  /** Every metric with its series, read now. */
  families(): Promise<readonly MetricFamily[]> {
    return this.registry.getMetricsAsJSON() as Promise<unknown> as Promise<MetricFamily[]>;
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  histogram(name: string, help: string, options: HistogramOptions): Histogram {
    const { labelNames = [], buckets, exemplars = false } = options;
    return new Histogram({
      ...{ name, help, labelNames: [...labelNames], buckets: [...buckets] },
      enableExemplars: exemplars,
      registers: [this.registry],
    });
  }

  /** A gauge that is read when it is scraped; one that cannot be read within 500 ms is absent rather than stale. */
  gauge(name: string, help: string, labelNames: readonly string[], read: () => Promise<readonly Reading[]>): void {
    const collect = async function (this: Gauge): Promise<void> {
      const readings = await inDeadline(read);
      this.reset(); // what a reload removed leaves
      if (labelNames.length === 0) this.remove(); // reset() leaves a 0, which would be a statement
      for (const { labels = {}, value } of readings ?? []) this.set(labels, value);
    };
    new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry], collect });
  }

  /** A counter that is counted elsewhere; what cannot be read within 500 ms stays what it was. */
  total(name: string, help: string, labelNames: readonly string[], read: () => Promise<readonly Reading[]>): void {
    const collect = async function (this: Counter): Promise<void> {
      const readings = await inDeadline(read);
      if (readings === null) return;
      this.reset();
      for (const { labels = {}, value } of readings) this.inc(labels, value);
    };
    new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry], collect });
  }
}

/** `null` = not known. */
async function inDeadline(read: () => Promise<readonly Reading[]>): Promise<readonly Reading[] | null> {
  const readings = await inTime(read(), SCRAPE_DEADLINE_MS, UNREAD).catch(() => UNREAD);
  return typeof readings === 'symbol' ? null : readings;
}
