import type { Counter, Histogram } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/** Where prom-client keeps the series of a metric, by their labels in one text. Not of its API; its version is pinned. */
interface SeriesOf<Series> {
  readonly hashMap: Readonly<Record<string, Series & { readonly labels: Labels }>>;
}

interface CounterSeries {
  value: number;
}

interface HistogramSeries {
  sum: number;
  count: number;
  /** By upper bound; a value above all of them is in none. */
  readonly bucketValues: Record<string, number>;
}

/**
 * One series of a counter, found once: prom-client's own children make the text of their labels and look it up for
 * every count (docs/adr/0027). Bind each set of labels once.
 */
export class BoundCounter {
  private readonly series: CounterSeries;

  constructor(counter: Counter, labels: Labels) {
    counter.inc(labels, 0);
    this.series = seriesOf<CounterSeries>(counter, labels);
  }

  inc(by = 1): void {
    if (!(by >= 0)) throw new TypeError('a counter counts upwards');
    this.series.value += by;
  }
}

/** One series of a histogram, found once. Bind each set of labels once. */
export class BoundHistogram {
  private readonly series: HistogramSeries;
  private readonly bounds: readonly number[];
  private readonly names: readonly string[];

  constructor(
    readonly histogram: Histogram,
    readonly labels: Labels,
    bounds: readonly number[],
  ) {
    histogram.zero(labels);
    this.series = seriesOf<HistogramSeries>(histogram, labels);
    this.bounds = bounds;
    this.names = bounds.map(String);
  }

  observe(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError('a histogram takes numbers');
    const { series, bounds } = this;
    series.sum += value;
    series.count += 1;
    for (let at = 0; at < bounds.length; at += 1) {
      if (value <= bounds[at]!) {
        // eslint-disable-next-line local/outside-names -- bounds are numbers of ours
        series.bucketValues[this.names[at]!]! += 1;
        return;
      }
    }
  }

  /** The same, with the trace it was measured in. */
  observeIn(traceId: string, value: number): void {
    this.histogram.observe({ labels: this.labels, value, exemplarLabels: { trace_id: traceId } });
  }
}

function seriesOf<Series>(metric: object, labels: Labels): Series {
  const found = Object.values((metric as SeriesOf<Series>).hashMap).find((series) => series.labels === labels);
  if (!found) throw new Error('prom-client keeps its series elsewhere now');
  return found;
}
