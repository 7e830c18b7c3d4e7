import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.js';
import { chat, eventually, jsonOf } from '../support/router-calls.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SAMPLED = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
const FROM_1970_TO_FAR = 'start=0&end=9999999999';

interface Found<T> {
  readonly data: T;
}

describe('/metrics in the eyes of Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  let upstream: UpstreamServer;
  let router: RouterApp;
  let collector: Server;
  let prometheus: ChildProcess;
  let api: string;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    collector = createServer((request, response) => {
      request.resume().on('end', () => response.end('{}'));
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const otlpEndpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    router = await startRouter(inOrder([targetOn(upstream, { id: 'first' })], { telemetry: { otlpEndpoint } }));
    const port = await freePort();
    api = `http://127.0.0.1:${port}/api/v1`;
    const file = join(folder, 'prometheus.yml');
    const { host } = new URL(router.url);
    writeFileSync(
      file,
      `scrape_configs: [{ job_name: router, scrape_interval: 1s, static_configs: [{ targets: ['${host}'] }] }]`,
    );
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=exemplar-storage',
      ],
      { stdio: 'ignore', cwd: folder },
    );
  });
  afterAll(async () => {
    const ended = once(prometheus, 'exit');
    prometheus.kill();
    await ended;
    await router.close();
    await upstream.close();
    collector.closeAllConnections();
    collector.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async <T>(path: string): Promise<T | null> => {
    const response = await fetch(`${api}/${path}`).catch(() => null); // not up yet
    return response?.ok ? (await jsonOf<Found<T>>(response)).data : null;
  };

  it('is clean: names, types, help texts', async () => {
    await (await chat(router)).text();
    const input = await (await fetch(`${router.url}/metrics`)).text();
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  });

  it('is scraped as OpenMetrics, with the counters under their names and the traces of what took how long', async () => {
    await eventually('an exemplar with the trace', 30_000, async () => {
      await (await chat(router, { stream: true }, SAMPLED)).text();
      const query = encodeURIComponent('{__name__=~"router_(response|ttft)_seconds_bucket"}');
      const found = await ask<readonly { exemplars: readonly { labels: { trace_id: string } }[] }[]>(
        `query_exemplars?query=${query}&${FROM_1970_TO_FAR}`,
      );
      const traces = (found ?? []).map(({ exemplars }) => exemplars[0]?.labels.trace_id);
      return traces.length >= 2 && traces.every((id) => id === TRACE); // more where they fell into several buckets
    });
    const targets = await ask<{ activeTargets: readonly { health: string; lastError: string }[] }>('targets');
    expect(targets?.activeTargets).toEqual([expect.objectContaining({ health: 'up', lastError: '' })]);
    const { result } = (await ask<{ result: readonly { metric: object; value: [number, string] }[] }>(
      'query?query=router_requests_total',
    ))!;
    expect(result.map(({ metric }) => metric)).toEqual([
      expect.objectContaining({ model: 'auto', target: 'first', status: '200' }),
    ]);
    const metadata = await ask<Record<string, readonly { type: string }[]>>('metadata?limit=1000');
    expect(metadata?.['router_requests']?.[0]?.type ?? metadata?.['router_requests_total']?.[0]?.type).toBe('counter');
  }, 60_000);
});
