import { describe, expect, it } from '@jest/globals';
import { expositionOf, OPEN_METRICS, preferredForm, PROMETHEUS_TEXT, type MetricFamily } from './exposition.js';
import { MetricRegistry } from './metric-registry.js';
import { BoundCounter, BoundHistogram } from './bound-series.js';

const NASTY = 'a"b\\c\nd';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

async function someMetrics(): Promise<readonly MetricFamily[]> {
  const metrics = new MetricRegistry();
  const counter = metrics.counter('test_things_total', `Things "so" \\ called.\nTwo lines.`, ['name']);
  new BoundCounter(counter, { name: NASTY }).inc(2);
  const bounds = [0.5, 1, 2.5];
  const histogram = metrics.histogram('test_seconds', 'Time.', {
    labelNames: ['name'],
    buckets: bounds,
    exemplars: true,
  });
  const bound = new BoundHistogram(histogram, { name: 'x' }, bounds);
  for (const value of [0.5, 0.7, 3]) bound.observe(value);
  bound.observeIn(TRACE, 0.75);
  metrics.gauge('test_odd', 'Odd.', ['is'], async () => [
    { labels: { is: 'nan' }, value: NaN },
    { labels: { is: 'large' }, value: Infinity },
  ]);
  return (await metrics.families()).filter(({ name }) => name.startsWith('test_'));
}

describe('expositionOf', () => {
  it('writes the text format of Prometheus', async () => {
    expect(expositionOf(await someMetrics(), PROMETHEUS_TEXT)).toBe(
      [
        '# HELP test_things_total Things "so" \\\\ called.\\nTwo lines.',
        '# TYPE test_things_total counter',
        'test_things_total{name="a\\"b\\\\c\\nd"} 2',
        '# HELP test_seconds Time.',
        '# TYPE test_seconds histogram',
        'test_seconds_bucket{le="0.5",name="x"} 1',
        'test_seconds_bucket{le="1",name="x"} 3',
        'test_seconds_bucket{le="2.5",name="x"} 3',
        'test_seconds_bucket{le="+Inf",name="x"} 4',
        'test_seconds_sum{name="x"} 4.95',
        'test_seconds_count{name="x"} 4',
        '# HELP test_odd Odd.',
        '# TYPE test_odd gauge',
        'test_odd{is="nan"} NaN',
        'test_odd{is="large"} +Inf',
        '',
      ].join('\n'),
    );
  });

  it('writes OpenMetrics: counters without their ending, float bounds, traces, an end', async () => {
    const text = expositionOf(await someMetrics(), OPEN_METRICS);
    for (const line of [
      '# HELP test_things Things \\"so\\" \\\\ called.\\nTwo lines.',
      '# TYPE test_things counter',
      'test_things_total{name="a\\"b\\\\c\\nd"} 2',
      'test_seconds_bucket{le="0.5",name="x"} 1',
      'test_seconds_bucket{le="2.5",name="x"} 3',
      'test_seconds_bucket{le="+Inf",name="x"} 4',
    ])
      expect(text).toContain(`${line}\n`);
    expect(text).toMatch(
      new RegExp(`^test_seconds_bucket\\{le="1.0",name="x"\\} 3 # \\{trace_id="${TRACE}"\\} 0.75 [\\d.]+$`, 'm'),
    );
    expect(text.endsWith('\n# EOF\n')).toBe(true);
  });

  it('changes nothing by being read in one form for the other, or for who reads the registry itself', async () => {
    const families = await someMetrics();
    const before = expositionOf(families, PROMETHEUS_TEXT);
    expositionOf(families, OPEN_METRICS);
    expect(expositionOf(families, PROMETHEUS_TEXT)).toBe(before);
    expect(families.map(({ name }) => name)).toContain('test_things_total');
  });
});

describe('preferredForm', () => {
  const PROMETHEUS_2 =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  const PROMETHEUS_3 =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';
  it.each([
    ['OpenMetrics', PROMETHEUS_2, OPEN_METRICS],
    ['OpenMetrics', PROMETHEUS_3, OPEN_METRICS],
    ['OpenMetrics', 'application/openmetrics-text', OPEN_METRICS],
    ['OpenMetrics', 'Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8', OPEN_METRICS],
    ['text', 'text/plain;version=0.0.4;q=0.9, application/openmetrics-text;version=1.0.0;q=0.5', PROMETHEUS_TEXT],
    ['text', 'application/openmetrics-text;version=0.0.1', PROMETHEUS_TEXT],
    ['text', 'application/openmetrics-text;q=0', PROMETHEUS_TEXT],
    ['text', 'application/openmetrics-text;q=nonsense', PROMETHEUS_TEXT],
    ['text', '*/*', PROMETHEUS_TEXT],
    ['text', 'text/html,application/xhtml+xml,*/*;q=0.8', PROMETHEUS_TEXT],
    ['text', ',;,=;q', PROMETHEUS_TEXT],
    ['text', undefined, PROMETHEUS_TEXT],
  ])('is %s for %s', (_form, accept, form) => {
    expect(preferredForm(accept).contentType).toBe(form.contentType);
  });
});
