import * as sdk from '@opentelemetry/sdk-metrics';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricFamily } from '../metrics/exposition.js';
import { MetricDeltas } from './metric-deltas.js';
import { metricsOf } from './registry-metrics.js';

const START: [number, number] = [1, 0];
const END: [number, number] = [2, 0];

const read = async (registry: Registry): Promise<sdk.MetricData[]> =>
  metricsOf((await registry.getMetricsAsJSON()) as unknown as MetricFamily[], sdk, START, END);

function counting() {
  const registry = new Registry();
  const on = { help: 'of a test', registers: [registry] };
  return {
    registry,
    requests: new Counter({ name: 'router_requests_total', labelNames: ['status'], ...on }),
    cost: new Counter({ name: 'router_cost_usd_total', ...on }),
    open: new Gauge({ name: 'router_connections', ...on }),
    took: new Histogram({ name: 'router_response_seconds', labelNames: ['model'], buckets: [0.1, 1, 10], ...on }),
    genAi: new Histogram({
      name: 'gen_ai_client_token_usage',
      labelNames: ['gen_ai_token_type'],
      buckets: [1, 4],
      ...on,
    }),
  };
}

describe('metrics of prom-client as metrics of OpenTelemetry', () => {
  it('counters are cumulative sums, gauges stay gauges', async () => {
    const { registry, requests, open } = counting();
    requests.inc({ status: '200' }, 2);
    open.set(7);
    const metrics = await read(registry);
    expect(metrics.find(({ descriptor }) => descriptor.name === 'router_requests_total')).toMatchObject({
      dataPointType: sdk.DataPointType.SUM,
      isMonotonic: true,
      aggregationTemporality: sdk.AggregationTemporality.CUMULATIVE,
      dataPoints: [{ startTime: START, endTime: END, attributes: { status: '200' }, value: 2 }],
    });
    expect(metrics.find(({ descriptor }) => descriptor.name === 'router_connections')).toMatchObject({
      dataPointType: sdk.DataPointType.GAUGE,
      dataPoints: [{ value: 7 }],
    });
    expect(metrics.map(({ descriptor }) => [descriptor.name, descriptor.unit])).toContainEqual([
      ...['router_cost_usd_total', 'USD'],
    ]);
  });

  it('a histogram has each value in one bucket, apart for each series', async () => {
    const { registry, took } = counting();
    for (const value of [0.05, 0.5, 0.6, 99]) took.observe({ model: 'auto' }, value);
    took.observe({ model: 'other' }, 5);
    const metric = (await read(registry)).find(({ descriptor }) => descriptor.name === 'router_response_seconds');
    expect(metric!.dataPoints.map(({ attributes, value }) => [attributes, value])).toEqual([
      [{ model: 'auto' }, { buckets: { boundaries: [0.1, 1, 10], counts: [1, 2, 0, 1] }, sum: 100.15, count: 4 }],
      [{ model: 'other' }, { buckets: { boundaries: [0.1, 1, 10], counts: [0, 0, 1, 0] }, sum: 5, count: 1 }],
    ]);
  });

  it('GenAI metrics and their attributes are called as the conventions say', async () => {
    const { registry, genAi } = counting();
    genAi.observe({ gen_ai_token_type: 'input' }, 3);
    const metric = (await read(registry)).find(({ descriptor }) => descriptor.name === 'gen_ai.client.token.usage');
    expect(metric).toMatchObject({
      descriptor: { unit: '{token}' },
      dataPoints: [{ attributes: { 'gen_ai.token.type': 'input' } }],
    });
  });
});

describe('MetricDeltas', () => {
  const resource = {} as sdk.ResourceMetrics['resource'];
  const all = async (registry: Registry): Promise<sdk.ResourceMetrics> => ({
    resource,
    scopeMetrics: [{ scope: { name: 'test' }, metrics: await read(registry) }],
  });
  const valuesOf = ({ scopeMetrics }: sdk.ResourceMetrics) =>
    Object.fromEntries(
      scopeMetrics[0]!.metrics.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.map(({ value }) => value),
      ]),
    );

  it('has what was added since it last arrived, gauges as they are, and nothing that stood still', async () => {
    const { registry, requests, open, took } = counting();
    const deltas = new MetricDeltas(sdk);
    requests.inc({ status: '200' }, 2);
    open.set(7);
    took.observe({ model: 'auto' }, 0.5);
    deltas.since(await all(registry)).taken();
    const still = valuesOf(deltas.since(await all(registry)).metrics);
    expect(still).toEqual({ router_connections: [7] });
    requests.inc({ status: '200' });
    took.observe({ model: 'auto' }, 2);
    const lost = deltas.since(await all(registry)); // it does not arrive
    requests.inc({ status: '200' });
    const next = deltas.since(await all(registry));
    expect(valuesOf(lost.metrics)['router_requests_total']).toEqual([1]);
    expect(valuesOf(next.metrics)['router_requests_total']).toEqual([2]);
    expect(valuesOf(next.metrics)['router_response_seconds']).toMatchObject([{ sum: 2, count: 1 }]);
  });
});
