import { hostname } from 'node:os';
import { AzureIngestion } from '../support/azure-ingestion.js';
import { CertificateAuthority } from '../support/certificates.js';
import { FailoverPair } from '../support/failover-pair.js';
import { called } from '../support/fault-row.js';
import { IdentityEndpoint } from '../support/identity-endpoint.js';
import { attributesOf, OtlpCollector, plain, type OtlpMetric } from '../support/otlp-collector.js';
import { startRouter } from '../support/router-app.js';
import { chat, eventually } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { TokenDesk } from '../support/token-desk.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const TRACE_ID = 'af7651916cd43dd8448eb211c80319c1';
/** Counted after the last request as well. */
const GOES_ON = /^router_(export|records)_/;
const CALLER = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };

/** Counters and parts of histograms on `/metrics`: name and labels in order, to value. */
function counted(text: string): Map<string, number> {
  const counters = new Set([...text.matchAll(/^# TYPE (\S+) (counter|histogram)$/gm)].map(([, name]) => name!));
  const found = new Map<string, number>();
  for (const [, name, labels = '', value] of text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)) {
    const family = name!.replace(/_(sum|count|bucket)$/, '');
    if (name!.startsWith('router_') && !name!.endsWith('_bucket') && (counters.has(name!) || counters.has(family))) {
      found.set(
        `${name} ${labels
          .split(/,(?=\w+=")/)
          .sort()
          .join()}`,
        Number(value),
      );
    }
  }
  return found;
}

/** The same of what came by OTLP. */
function collected(metrics: readonly OtlpMetric[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { name, sum, histogram } of metrics) {
    if (!name.startsWith('router_')) continue;
    for (const { attributes, asDouble, asInt, count, sum: total } of (sum ?? histogram)?.dataPoints ?? []) {
      const labels = Object.entries(plain(attributes)).map(([label, value]) => `${label}="${String(value)}"`);
      const key = labels.sort().join();
      if (sum) found.set(`${name} ${key}`, asDouble ?? Number(asInt));
      else {
        found.set(`${name}_sum ${key}`, total!);
        found.set(`${name}_count ${key}`, Number(count));
      }
    }
  }
  return found;
}

const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

describe('what is exported to both at once', () => {
  let collector: OtlpCollector;
  let azure: AzureIngestion;
  let scraped: Map<string, number>;
  beforeAll(async () => {
    [collector, azure] = await Promise.all([OtlpCollector.start(), AzureIngestion.start()]);
    const pair = await FailoverPair.start({
      telemetry: {
        serviceName: 'the-router',
        otlpEndpoint: `${collector.url}/`,
        otlpHeaders: { 'x-tenant': 'ours' },
        azureMonitorConnectionString: azure.connectionString,
      },
    });
    pair.primary.always(status(503));
    pair.fallback.always(answer('a secret word'));
    await called(pair.router, { stream: true }, CALLER);
    pair.fallback.always(status(500));
    await called(pair.router);
    await fetch(`${pair.router.url}/v1/models`);
    scraped = counted(await metricsOf(pair.router.url));
    await pair.close(); // what waits goes out
  }, 60_000);
  afterAll(() => Promise.all([collector.close(), azure.close()]));

  it('OTLP: counters and histograms are those of /metrics, since the start of the process', () => {
    const sent = collected(collector.metrics);
    expect(scraped.size).toBeGreaterThan(20);
    for (const [series, value] of scraped) {
      if (GOES_ON.test(series)) continue;
      expect([series, sent.get(series)]).toEqual([series, value]);
    }
    const requests = collector.metrics.find(({ name }) => name === 'router_requests_total')!;
    expect(requests.sum).toMatchObject({ isMonotonic: true, aggregationTemporality: 2 });
    const { startTimeUnixNano, timeUnixNano } = requests.sum!.dataPoints[0]!;
    expect(Number(startTimeUnixNano) / 1e6).toBeCloseTo(performance.timeOrigin, -1);
    expect(Number(timeUnixNano)).toBeGreaterThan(Number(startTimeUnixNano));
  });

  it('OTLP: histograms have the bounds and each value in one bucket', () => {
    const { unit, histogram } = collector.metrics.find(({ name }) => name === 'router_response_seconds')!;
    expect(unit).toBe('s');
    for (const { explicitBounds, bucketCounts, count } of histogram!.dataPoints) {
      expect(bucketCounts).toHaveLength(explicitBounds!.length + 1);
      expect(bucketCounts!.reduce<number>((sum, bucket) => sum + Number(bucket), 0)).toBe(Number(count));
    }
  });

  it("OTLP: GenAI metrics have the conventions' names", () => {
    const { unit, histogram } = collector.metrics.find(({ name }) => name === 'gen_ai.client.operation.duration')!;
    expect(unit).toBe('s');
    expect(attributesOf(histogram!.dataPoints[0]!)).toMatchObject({ 'gen_ai.operation.name': 'chat' });
    expect(collector.metrics.map(({ name }) => name)).not.toContain('gen_ai_client_operation_duration_seconds');
  });

  it('OTLP: one log record a request, in its trace', () => {
    const lines = collector.logs.map((log) => ({ ...log, fields: attributesOf(log) }));
    expect(lines.map(({ fields, severityText }) => `${String(fields['status'])} ${severityText}`).sort()).toEqual([
      ...['200 INFO', '200 INFO', '503 WARN'],
    ]);
    const answered = lines.find(({ traceId }) => traceId === TRACE_ID);
    const failed = lines.find(({ fields }) => fields['status'] === 503);
    expect(answered).toMatchObject({ traceId: TRACE_ID, body: { stringValue: 'request' } });
    expect(answered!.fields).toMatchObject({ target: 'fallback', tenant: 'local', fallback: true });
    const span = collector.spans.find(({ traceId, kind }) => traceId === TRACE_ID && kind === 2)!;
    expect(answered!.spanId).toBe(span.spanId);
    expect(failed!.fields['error_code']).toEqual(expect.any(String));
    expect(failed!.fields).not.toHaveProperty('target'); // what is not known has no attribute
  });

  it('OTLP: all three say who they are, with the headers of the configuration', () => {
    const resources = collector.resources;
    expect(resources.length).toBeGreaterThanOrEqual(3);
    const replica = process.env['CONTAINER_APP_REPLICA_NAME'] || process.env['HOSTNAME'];
    for (const resource of resources) {
      expect(resource).toMatchObject({ 'service.name': 'the-router', 'service.version': expect.any(String) as string });
      expect(resource['service.instance.id']).toBe(replica || `${hostname()}-${process.pid}`);
    }
    expect(new Set(collector.taken.map(({ headers }) => headers['x-tenant']))).toEqual(new Set(['ours']));
  });

  it('Azure: requests, dependencies, exceptions and lines are rows of one operation', () => {
    const [request] = azure.of('RequestData').filter(({ tags }) => tags['ai.operation.id'] === TRACE_ID);
    expect(request!.data.baseData).toMatchObject({ responseCode: '200', success: true });
    expect(request!.tags).toMatchObject({
      'ai.cloud.role': 'the-router',
      'ai.operation.parentId': 'b7ad6b7169203331',
      'ai.operation.name': 'POST /v1/chat/completions',
    });
    const attempts = azure.of('RemoteDependencyData').filter(({ tags }) => tags['ai.operation.id'] === TRACE_ID);
    expect(attempts.map(({ data }) => data.baseData['success'])).toEqual([false, false, false, true]);
    for (const { tags } of attempts) expect(tags['ai.operation.parentId']).toBe(request!.data.baseData['id']);
    const [failed] = azure.of('RequestData').filter(({ data }) => data.baseData['success'] === false);
    expect(failed!.data.baseData).toMatchObject({ responseCode: '503' });
    const [exception, ...more] = azure.of('ExceptionData');
    expect(more).toEqual([]);
    expect(exception!.tags).toMatchObject({
      'ai.operation.id': failed!.tags['ai.operation.id'],
      'ai.operation.parentId': failed!.data.baseData['id'],
    });
    expect(exception!.data.baseData['exceptions']).toMatchObject([
      { typeName: expect.stringMatching(/^[a-z_]+$/) as string },
    ]);
    const [last] = attempts.slice(-1);
    expect(last!.data.baseData).toMatchObject({ type: 'Http', target: 'fallback', resultCode: '200' });
    expect(Number((last!.data.baseData['properties'] as Record<string, string>)['first_token.at_ms'])).toBeGreaterThan(
      0,
    );
    const lines = azure.of('MessageData'); // no events of spans among them
    expect(lines.map(({ data }) => (data.baseData['properties'] as Record<string, string>)['status']).sort()).toEqual([
      ...['200', '200', '503'],
    ]);
    expect(lines.map(({ tags }) => tags['ai.operation.id'])).toContain(TRACE_ID);
  });

  it('Azure: every row is of this replica, and has the key', () => {
    expect(azure.envelopes.length).toBeGreaterThan(20);
    for (const { tags, iKey, instrumentationKey } of azure.envelopes) {
      expect(tags['ai.cloud.role']).toBe('the-router');
      expect(tags['ai.cloud.roleInstance']).toBe(collector.resources[0]!['service.instance.id']);
      expect(iKey ?? instrumentationKey).toBe(azure.key);
    }
  });

  it('Azure: sums of metrics are those of /metrics, and nothing that stood still is sent', () => {
    const sums = new Map<string, number>();
    for (const { name, properties, value } of azure.metrics) {
      const labels = Object.entries(properties).map(([label, is]) => `${label}="${is}"`);
      const key = `${name} ${labels.sort().join()}`;
      sums.set(key, (sums.get(key) ?? 0) + value);
    }
    for (const [series, value] of scraped) {
      if (!/_total /.test(series) || GOES_ON.test(series)) continue;
      expect([series, sums.get(series) ?? 0]).toEqual([series, value]);
    }
    expect(azure.metrics.some(({ name, value }) => name.endsWith('_total') && value === 0)).toBe(false);
    expect(azure.metrics.map(({ name }) => name)).not.toContain('_OTELRESOURCE_');
  });

  it('Azure: nobody is asked for settings of the exporter, and its statistics go nowhere', async () => {
    const folder = new URL('./', import.meta.resolve('@azure/monitor-opentelemetry-exporter'));
    const { ConfigurationManager } = (await import(new URL('_configuration/configurationManager.js', folder).href)) as {
      ConfigurationManager: { getInstance(): { worker: unknown } };
    };
    const { StatsbeatManager } = (await import(new URL('export/statsbeat/statsbeatManager.js', folder).href)) as {
      StatsbeatManager: { getInstance(): { networkStatsbeatMetrics: unknown } };
    };
    expect(ConfigurationManager.getInstance().worker).toBeUndefined();
    expect(StatsbeatManager.getInstance().networkStatsbeatMetrics).toBeUndefined();
    expect(process.env).not.toHaveProperty('APPLICATION_INSIGHTS_NO_STATSBEAT');
  });

  it('has nothing of what callers and model servers write', () => {
    const all = JSON.stringify([collector.taken.map(({ text }) => text), azure.envelopes]);
    expect(all).not.toContain('secret word');
  });
});

describe('managed identity', () => {
  it('signs in to Azure Monitor where the connection string asks for it', async () => {
    const authority = await CertificateAuthority.create();
    const distrust = authority.trust();
    const desk = new TokenDesk();
    const token = desk.issue(3_600_000);
    const identity = await IdentityEndpoint.start(desk);
    const before = process.env;
    process.env = { ...before, ...identity.env };
    const azure = await AzureIngestion.start(await authority.issue());
    const upstream = await UpstreamServer.start();
    try {
      upstream.always(answer('hello'));
      const azureMonitorConnectionString = `${azure.connectionString};Authorization=AAD;ClientId=user-assigned`;
      const router = await startRouter(inOrder([targetOn(upstream)], { telemetry: { azureMonitorConnectionString } }));
      await chat(router);
      await eventually('the request arrives', 10_000, () => azure.of('RequestData').length > 0);
      await router.close();
      expect(new Set(azure.taken.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${token}`]));
      expect(new Set(identity.resources)).toEqual(new Set(['https://monitor.azure.com']));
    } finally {
      process.env = before;
      distrust();
      await Promise.all([azure.close(), identity.close(), upstream.close()]);
      authority.close();
    }
  });
});
