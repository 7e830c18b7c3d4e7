import { readFileSync } from 'node:fs';
import { MetricRegistry } from '../../src/modules/telemetry/metrics/metric-registry.js';
import { ALERTS, filesOf, readRules } from '../../tools/check-infra/alert-rules.js';
import { DASHBOARDS, queriesOf, readDashboard, withoutVariables } from '../../tools/check-infra/dashboard.js';
import { readPromql, type ReadQuery } from '../../tools/check-infra/promql.js';
import { WORKBOOK, workbookQueries } from '../../tools/check-infra/workbook.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

/** Of Prometheus itself, or of the scrape. */
const OF_PROMETHEUS = new Map([['up', ['job', 'instance']]]);
const SCRAPE_LABELS = ['job', 'instance'];
const HISTOGRAM_SERIES = ['_bucket', '_sum', '_count'];

describe('the metrics that alerts, dashboard and workbook name', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  /** Labels by name of the series, as scraped. */
  const exported = new Map<string, readonly string[]>();

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    router = await startRouter(inOrder([targetOn(upstream)], {}));
    await (await chat(router)).text();
    const text = await (await fetch(`${router.url}/metrics`)).text();
    const labels = new Map(
      router.app
        .get(MetricRegistry, { strict: false })
        .registry.getMetricsAsArray()
        .map((metric) => [metric.name, (metric as unknown as { labelNames: readonly string[] }).labelNames]),
    );
    for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\w+)$/gm)) {
      const own = labels.get(name) ?? [];
      if (type === 'histogram') for (const end of HISTOGRAM_SERIES) exported.set(name + end, [...own, 'le']);
      else exported.set(name, own);
    }
    // What the registry says is what comes: every label of a series is one of its metric.
    for (const [, series = '', inside = ''] of text.matchAll(/^(\w+)\{(.*)\} /gm))
      for (const [, label = ''] of inside.matchAll(/(\w+)="/g))
        expect([series, exported.get(series)]).toEqual([series, expect.arrayContaining([label])]);
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const labelsOf = (name: string) => exported.get(name) ?? OF_PROMETHEUS.get(name);

  /** What a query asks for in vain. @param records names of recording rules, with their labels */
  function wrongIn({ metrics, uses }: ReadQuery, records: ReadonlyMap<string, readonly string[]>): string[] {
    const of = (name: string) => labelsOf(name) ?? records.get(name);
    const unknown = metrics.filter((name) => !of(name));
    const missing = uses.flatMap(({ labels, metrics: all }) =>
      labels
        .filter((label) => !SCRAPE_LABELS.includes(label) && !all.some((name) => of(name)?.includes(label)))
        .map((label) => `${label} of ${all.join(', ')}`),
    );
    return [...unknown, ...missing];
  }

  it('are enough to be right', () => {
    expect(exported.size).toBeGreaterThan(60);
    expect(exported.get('router_requests_total')).toEqual(['model', 'target', 'status']);
  });

  it('are exported, with the labels that the dashboard asks for', () => {
    const queries = filesOf('.', DASHBOARDS, '.json').flatMap((file) => queriesOf(readDashboard('.', file)));
    expect(queries.length).toBeGreaterThan(60);
    for (const query of queries)
      expect([query, wrongIn(readPromql(withoutVariables(query)), new Map())]).toEqual([query, []]);
  });

  it('are exported, with the labels that the rules ask for', () => {
    const rules = readRules('.');
    // `job_store:x:y` has the labels job and store
    const records = new Map(
      rules.filter(({ kind }) => kind === 'record').map(({ name }) => [name, (name.split(':')[0] ?? '').split('_')]),
    );
    expect(rules.length).toBeGreaterThan(30);
    for (const { name, expr } of rules) expect([name, wrongIn(readPromql(expr), records)]).toEqual([name, []]);
  });

  it('are exported, with the labels that the queries for Azure Monitor ask for', () => {
    const queries = [
      ...filesOf('.', ALERTS, '.kql').map((file) => readFileSync(file, 'utf8')),
      ...workbookQueries(readFileSync(WORKBOOK, 'utf8')),
    ].filter((query) => query.includes('AppMetrics'));
    expect(queries.length).toBeGreaterThan(50);
    for (const query of queries) {
      const named = [...query.matchAll(/\b(?:Name (?:==|in) \(?)((?:"\w+"(?:, )?)+)/g)].flatMap(([, names = '']) =>
        [...names.matchAll(/\w+/g)].map(([name]) => name),
      );
      const labels = [...query.matchAll(/Properties(?:\.|\[")(\w+)/g)].map(([, label = '']) => label);
      // A histogram arrives under its own name.
      const of = (name: string) => labelsOf(name) ?? labelsOf(`${name}_sum`);
      expect([query, named.length > 0, named.filter((name) => !of(name))]).toEqual([query, true, []]);
      expect([query, labels.filter((label) => !named.some((name) => of(name)?.includes(label)))]).toEqual([query, []]);
    }
  });
});
