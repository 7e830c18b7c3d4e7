import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { AzureIngestion } from '../support/azure-ingestion.js';
import { logTo, type Line } from '../support/captured-log.js';
import type { EndpointMood } from '../support/export-endpoint.js';
import { OtlpCollector } from '../support/otlp-collector.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const REQUESTS = 300;
/** Of everything that waits at the end, and of closing its connections. */
const END_MS = 7_000;
/** One address may ask for /metrics 600 times a minute. */
const POLL_MS = 250;

/** Nobody listens there. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function load(router: RouterApp, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => chat(router)));
    for (const one of answers) {
      expect(one.status).toBe(200);
      await one.arrayBuffer();
    }
  }
}

const ofExport = (lines: readonly Line[]): string[] =>
  lines.filter(({ text }) => text.endsWith('telemetry')).map(({ level, text }) => `${level} ${text}`);
const loud = (lines: readonly Line[]): string[] => ofExport(lines).filter((line) => /^(warn|error)/.test(line));

async function dropped(router: RouterApp, signal: string): Promise<number> {
  const text = await (await fetch(`${router.url}/metrics`)).text();
  return Number(new RegExp(`^router_export_dropped_total\\{signal="${signal}"\\} (\\S+)$`, 'm').exec(text)?.[1]);
}

describe.each<EndpointMood | 'refuses'>(['hangs', 'refuses', 429, 503, 404])('an endpoint that says %s', (mood) => {
  let upstream: UpstreamServer;
  let collector: OtlpCollector;
  let azure: AzureIngestion;
  beforeAll(async () => {
    [upstream, collector, azure] = await Promise.all([
      UpstreamServer.start(),
      OtlpCollector.start(),
      AzureIngestion.start(),
    ]);
    upstream.always(answer('hello'));
  });
  afterAll(() => Promise.all([upstream.close(), collector.close(), azure.close()]));

  it('costs no request anything, one warning a signal, and a bounded time at the end', async () => {
    let [otlpEndpoint, azureMonitorConnectionString] = [collector.url, azure.connectionString];
    if (mood === 'refuses') {
      otlpEndpoint = `http://127.0.0.1:${await freePort()}`;
      azureMonitorConnectionString = azure.connectionString.replace(azure.url, `http://127.0.0.1:${await freePort()}`);
    } else {
      collector.mood = mood;
      azure.mood = mood;
    }
    const lines: Line[] = [];
    const telemetry = { otlpEndpoint, azureMonitorConnectionString };
    const router = await startRouter(inOrder([targetOn(upstream)], { telemetry }), { logger: logTo(lines) });
    await load(router, REQUESTS);
    const before = performance.now();
    await router.close();
    expect(performance.now() - before).toBeLessThan(END_MS);
    const warnings = loud(lines);
    for (const signal of ['traces', 'metrics', 'logs']) {
      const told = warnings.filter((line) => line.includes(`does not get ${signal} (`));
      expect(told.length).toBeLessThanOrEqual(2); // of each destination one
      if (signal !== 'metrics') expect(told.length).toBeGreaterThanOrEqual(1);
    }
    expect(warnings.length).toBeLessThanOrEqual(8);
    expect(JSON.stringify(lines)).not.toContain(azure.key);
    if (mood === 404) expect(warnings.join('\n')).toMatch(/Azure Monitor does not get traces \(HTTP 404\)/);
  }, 60_000);
});

describe('an endpoint that comes back', () => {
  it('is told of once, what was lost is counted, and counters have lost nothing', async () => {
    const [upstream, azure] = await Promise.all([UpstreamServer.start(), AzureIngestion.start()]);
    upstream.always(answer('hello'));
    azure.mood = 400;
    const lines: Line[] = [];
    const router = await startRouter(
      inOrder([targetOn(upstream)], { telemetry: { azureMonitorConnectionString: azure.connectionString } }),
      { logger: logTo(lines) },
    );
    try {
      await load(router, 40);
      await eventually(
        '40 spans and their attempts are lost',
        10_000,
        async () => (await dropped(router, 'traces')) === 80,
      );
      await eventually('40 lines are lost', 10_000, async () => (await dropped(router, 'logs')) === 40);
      expect(loud(lines)).toHaveLength(2);
      azure.mood = 200;
      await load(router, 20);
      await eventually('spans arrive', 10_000, () => azure.of('RequestData').length === 20);
    } finally {
      await router.close();
      await Promise.all([upstream.close(), azure.close()]);
    }
    const sum = azure.metrics
      .filter(({ name }) => name === 'router_requests_total')
      .reduce((all, { value }) => all + value, 0);
    expect(sum).toBe(60);
  }, 60_000);
});

describe('an endpoint whose answer does not end', () => {
  it('is read no further than 64 kB, and has taken nothing', async () => {
    const [upstream, azure] = await Promise.all([UpstreamServer.start(), AzureIngestion.start()]);
    upstream.always(answer('hello'));
    azure.mood = 'endless';
    const lines: Line[] = [];
    const router = await startRouter(
      inOrder([targetOn(upstream)], { telemetry: { azureMonitorConnectionString: azure.connectionString } }),
      { logger: logTo(lines) },
    );
    try {
      await load(router, 20);
      await eventually('spans are lost', 10_000, async () => (await dropped(router, 'traces')) === 40);
      await eventually('lines are lost', 10_000, async () => (await dropped(router, 'logs')) === 20);
      expect(loud(lines).join('\n')).toMatch(/Azure Monitor does not get traces \(its answer is too long\)/);
      const { answers } = azure;
      await eventually('every connection is dropped', 5_000, () => answers.cut === answers.begun);
      expect(answers).toMatchObject({ read: 0 });
      expect(answers.begun).toBeGreaterThanOrEqual(2);
      azure.mood = 200;
      await load(router, 20);
      await eventually('spans arrive', 10_000, () => azure.of('RequestData').length === 20);
    } finally {
      await router.close();
      await Promise.all([upstream.close(), azure.close()]);
    }
  }, 60_000);
});

describe('an OTLP endpoint', () => {
  let upstream: UpstreamServer;
  let collector: OtlpCollector;
  let router: RouterApp;
  const lines: Line[] = [];
  beforeEach(async () => {
    [upstream, collector] = await Promise.all([UpstreamServer.start(), OtlpCollector.start()]);
    upstream.always(answer('hello'));
    lines.length = 0;
    const telemetry = { otlpEndpoint: collector.url };
    router = await startRouter(inOrder([targetOn(upstream)], { telemetry }), { logger: logTo(lines) });
  });
  afterEach(async () => {
    await router.close();
    await Promise.all([upstream.close(), collector.close()]);
  });

  it('whose answer drips in is given up, and what comes afterwards arrives', async () => {
    collector.mood = 'drips';
    await load(router, 20);
    const lost = async (signal: string, count: number) => (await dropped(router, signal)) === count;
    await eventually('spans are lost', 20_000, () => lost('traces', 40), POLL_MS);
    await eventually('lines are lost', 20_000, () => lost('logs', 20), POLL_MS);
    expect(loud(lines).join('\n')).toMatch(/does not get traces \(no answer in time\)/);
    const { answers } = collector;
    await eventually('every connection is dropped', 5_000, () => answers.begun >= 2 && answers.cut === answers.begun);
    collector.mood = 200;
    await load(router, 20);
    await eventually('spans arrive', 10_000, () => collector.spans.length === 40);
    await eventually('lines arrive', 10_000, () => collector.logs.length === 20);
    expect(await dropped(router, 'traces')).toBe(40);
  }, 60_000);

  it('that is slow holds no request up, and gets everything', async () => {
    collector.mood = 'slow';
    await load(router, REQUESTS);
    expect(collector.taken).toEqual([]); // all were answered before it had answered once
    collector.release();
    await eventually('spans arrive', 10_000, () => collector.spans.length === 2 * REQUESTS);
    await eventually('lines arrive', 10_000, () => collector.logs.length === REQUESTS);
    expect([await dropped(router, 'traces'), await dropped(router, 'logs'), loud(lines)]).toEqual([0, 0, []]);
  }, 60_000);

  it('that takes a part has not got the rest, which is counted', async () => {
    collector.rejects = 3;
    await load(router, 20);
    await eventually('spans arrive', 10_000, () => collector.spans.length === 40);
    const batches = () => collector.taken.filter(({ path }) => path === '/v1/traces').length;
    await eventually(
      '3 of each batch are lost',
      5_000,
      async () => (await dropped(router, 'traces')) === 3 * batches(),
    );
    expect(loud(lines).join('\n')).toMatch(/does not get traces \(it refused a part\)/);
    expect(JSON.stringify(lines)).not.toContain('secret');
  }, 60_000);
});
