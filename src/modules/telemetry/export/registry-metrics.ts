import type { Attributes, HrTime } from '@opentelemetry/api';
import type * as Sdk from '@opentelemetry/sdk-metrics';
import { CONVENTIONAL_METRICS, GEN_AI, labelOf } from '../genai-names.js';
import type { MetricFamily } from '../metrics/exposition.js';

type SdkMetrics = Pick<typeof Sdk, 'AggregationTemporality' | 'DataPointType'>;
type Labels = Readonly<Record<string, string | number>>;

const CONVENTIONAL = new Map(CONVENTIONAL_METRICS.map((metric) => [metric.prometheus, metric]));
const ATTRIBUTES = new Map(Object.values(GEN_AI).map((attribute) => [labelOf(attribute), attribute]));
/** By the end of the name, as UCUM has them; what is counted has none. */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_seconds(_total)?$/, 's'],
  [/_bytes(_total)?$/, 'By'],
  [/_usd(_total)?$/, 'USD'],
];
const VALUE_TYPE_DOUBLE = 1;

interface Point<T> extends Sdk.DataPoint<T> {
  readonly value: T;
}

/**
 * What prom-client has counted as metrics of OpenTelemetry, cumulative since `startTime`; nothing is counted a second time.
 * Names stay those of `/metrics`, but for those of the GenAI conventions.
 */
export function metricsOf(
  families: readonly MetricFamily[],
  { AggregationTemporality, DataPointType }: SdkMetrics,
  startTime: HrTime,
  endTime: HrTime,
): Sdk.MetricData[] {
  const aggregationTemporality = AggregationTemporality.CUMULATIVE;
  const all: Sdk.MetricData[] = [];
  for (const family of families) {
    const descriptor = descriptorOf(family);
    const at = { startTime, endTime };
    if (family.type === 'histogram') {
      const dataPoints = histogramsOf(family, at);
      if (dataPoints.length > 0) {
        all.push({ descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints });
      }
      continue;
    }
    const dataPoints = numbersOf(family, at);
    if (dataPoints.length === 0) continue;
    if (family.type === 'gauge') {
      all.push({ descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints });
    } else if (family.type === 'counter') {
      all.push({ descriptor, aggregationTemporality, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints });
    }
  }
  return all;
}

function descriptorOf({ name, help }: MetricFamily): Sdk.MetricDescriptor {
  const conventional = CONVENTIONAL.get(name);
  return {
    name: conventional?.name ?? name,
    description: help,
    unit: conventional?.unit ?? UNITS.find(([ending]) => ending.test(name))?.[1] ?? '',
    valueType: VALUE_TYPE_DOUBLE,
  };
}

function attributesOf(family: string, labels: Labels): Attributes {
  if (!CONVENTIONAL.has(family)) return labels;
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [ATTRIBUTES.get(name) ?? name, value]));
}

function numbersOf({ name, values }: MetricFamily, at: { startTime: HrTime; endTime: HrTime }): Point<number>[] {
  return values
    .filter(({ value }) => Number.isFinite(value))
    .map(({ labels, value }) => ({ ...at, attributes: attributesOf(name, labels), value }));
}

interface Counted {
  readonly labels: Labels;
  readonly boundaries: number[];
  /** Of all values up to each boundary, and of all. */
  readonly upTo: number[];
  sum: number;
  count: number;
}

/** prom-client counts each value in every bucket that is large enough; OpenTelemetry in one. */
function histogramsOf({ name, values }: MetricFamily, at: { startTime: HrTime; endTime: HrTime }) {
  const series = new Map<string, Counted>();
  for (const { labels, value, metricName } of values) {
    const { le, ...own } = labels;
    const key = JSON.stringify(own);
    let counted = series.get(key);
    if (!counted) series.set(key, (counted = { labels: own, boundaries: [], upTo: [], sum: 0, count: 0 }));
    if (metricName === `${name}_sum`) counted.sum = value;
    else if (metricName === `${name}_count`) counted.count = value;
    else if (le !== undefined) {
      if (le !== '+Inf') counted.boundaries.push(Number(le));
      counted.upTo.push(value);
    }
  }
  return [...series.values()].map(({ labels, boundaries, upTo, sum, count }): Point<HistogramValue> => {
    const counts = upTo.map((value, i) => value - (upTo[i - 1] ?? 0));
    return { ...at, attributes: attributesOf(name, labels), value: { buckets: { boundaries, counts }, sum, count } };
  });
}

type HistogramValue = Sdk.HistogramMetricData['dataPoints'][number]['value'];
