import type * as Sdk from '@opentelemetry/sdk-metrics';

type SdkMetrics = Pick<typeof Sdk, 'DataPointType'>;

/** What has been added since it was last taken. */
export interface Change {
  readonly metrics: Sdk.ResourceMetrics;
  /** It has arrived: the next change begins here. */
  taken(): void;
}

interface Total {
  readonly value: number;
  readonly count: number;
}

/**
 * Application Insights adds up what arrives, so it gets what was added since the last time; what did not arrive is in the next
 * change. Counters that stood still and histograms without a new value are left out: each is a row that is paid for.
 */
export class MetricDeltas {
  private sent = new Map<string, Total>();

  constructor(private readonly sdk: SdkMetrics) {}

  since(all: Sdk.ResourceMetrics): Change {
    const now = new Map(this.sent);
    const scopeMetrics = all.scopeMetrics.map(({ scope, metrics }) => ({
      scope,
      metrics: metrics.map((metric) => this.added(metric, now)).filter(({ dataPoints }) => dataPoints.length > 0),
    }));
    return { metrics: { resource: all.resource, scopeMetrics }, taken: () => (this.sent = now) };
  }

  private added(metric: Sdk.MetricData, now: Map<string, Total>): Sdk.MetricData {
    const { DataPointType } = this.sdk;
    const { name } = metric.descriptor;
    if (metric.dataPointType === DataPointType.SUM) {
      const dataPoints = metric.dataPoints.flatMap((point) => {
        const { value } = this.difference(name, point, { value: point.value, count: 0 }, now);
        return value === 0 ? [] : [{ ...point, value }];
      });
      return { ...metric, dataPoints };
    }
    if (metric.dataPointType === DataPointType.HISTOGRAM) {
      const dataPoints = metric.dataPoints.flatMap((point) => {
        const total = { value: point.value.sum ?? 0, count: point.value.count };
        const { value: sum, count } = this.difference(name, point, total, now);
        return count === 0 ? [] : [{ ...point, value: { ...point.value, sum, count } }];
      });
      return { ...metric, dataPoints };
    }
    return metric;
  }

  private difference(name: string, point: Sdk.DataPoint<unknown>, total: Total, now: Map<string, Total>): Total {
    const key = `${name} ${JSON.stringify(point.attributes)}`;
    const before = this.sent.get(key);
    now.set(key, total);
    if (!before || total.value < before.value || total.count < before.count) return total;
    return { value: total.value - before.value, count: total.count - before.count };
  }
}
