import { checkConfig } from '../../src/common/config/check-config.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:net';
import { freePort } from '../support/free-port.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually, jsonOf, type ErrorJson } from '../support/router-calls.js';
import { RouterProcess } from '../support/router-process.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { sendRaw } from '../support/raw-http.js';
import { neverAnswer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

describe('telemetry.metricsPort', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  let port: number;
  let own: string;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    port = await freePort();
    own = `http://127.0.0.1:${port}`;
    router = await startRouter(inOrder([targetOn(upstream)], { telemetry: { metricsPort: port } }));
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it('has /metrics, with everything that has ended, and the service has it no more', async () => {
    await (await chat(router)).text();
    const scraped = await fetch(`${own}/metrics`);
    expect([scraped.status, scraped.headers.get('content-type')]).toEqual([200, TEXT]);
    expect(await scraped.text()).toContain('router_requests_total{model="auto",target="local",status="200"} 1');
    expect((await fetch(`${own}/metrics?format=text`, { method: 'HEAD' })).status).toBe(200);
    const gone = await fetch(`${router.url}/metrics`);
    expect([gone.status, (await jsonOf<ErrorJson>(gone)).error.code]).toEqual([404, 'not_found']);
    const { paths } = await jsonOf<{ paths: object }>(await fetch(`${router.url}/openapi.json`));
    expect(Object.keys(paths)).not.toContain('/metrics');
  });

  it.each([
    ['GET', '/health', 404, 'not_found'],
    ['GET', '/', 404, 'not_found'],
    ['GET', '/docs', 404, 'not_found'],
    ['GET', '/admin/targets', 404, 'not_found'],
    ['GET', '/metrics/../admin/targets', 404, 'not_found'],
    ['POST', '/v1/chat/completions', 404, 'not_found'],
    ['POST', '/metrics', 400, 'invalid_request'],
  ])('has nothing else: %s %s', async (method, path, status, code) => {
    const answer = await sendRaw(own, `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect([answer.status, (JSON.parse(answer.body) as ErrorJson).error.code]).toEqual([status, code]);
  });

  it('is not for a page that has given the address another name, as long as there are no keys', async () => {
    const scrape = (url: string) =>
      sendRaw(url, 'GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    expect((await scrape(own)).status).toBe(403);
    const metricsPort = await freePort();
    const keyed = await startRouter(
      inOrder([targetOn(upstream)], { auth: { keys: [keyFor('k')] }, telemetry: { metricsPort } }),
    );
    expect((await scrape(`http://127.0.0.1:${metricsPort}`)).status).toBe(200);
    await keyed.close();
  });

  it('is refused where the service itself listens there', () => {
    const folder = mkdtempSync(join(tmpdir(), 'metrics-port-'));
    const file = join(folder, 'router.config.yaml');
    writeFileSync(file, 'server: { port: 9100 }\ntelemetry: { metricsPort: 9100 }\n');
    const { exitCode, lines } = checkConfig({ env: { ROUTER_CONFIG: file }, cwd: folder });
    rmSync(folder, { recursive: true });
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^telemetry\.metricsPort: server\.port is the same/)]);
  });

  it('says which port is taken, and starts nothing', async () => {
    const taker = createServer();
    await new Promise<void>((settle) => taker.listen(0, '127.0.0.1', settle));
    const { port: taken } = taker.address() as { port: number };
    const process = RouterProcess.spawn({
      config: inOrder([targetOn(upstream)], { telemetry: { metricsPort: taken } }),
    });
    expect(await process.exited).toMatchObject({ code: 1 });
    expect(process.output).toContain(
      `127.0.0.1:${taken} is taken by another program; set telemetry.metricsPort to a free one`,
    );
    expect(process.output.join('\n')).not.toMatch(/listening on|\n\s+at /);
    await process.kill();
    taker.close();
  });

  it('answers while the service drains, closes with it, and moves only with a restart', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const config = (metricsPort: number) => inOrder([targetOn(upstream)], { telemetry: { metricsPort } });
    const process = await RouterProcess.start({ config: config(first) });
    process.rewriteConfig(config(second));
    process.signal('SIGHUP');
    await process.awaitOutput(/Not in force until a restart: .*telemetry/, 10_000);
    await expect(fetch(`http://127.0.0.1:${second}/metrics`)).rejects.toThrow();

    upstream.reset();
    upstream.always(neverAnswer);
    const asked = chat(process, { stream: true }).then((response) => response.text());
    await eventually('the request is under way', 10_000, () => upstream.requests.length > 0);
    process.signal('SIGINT');
    await process.awaitOutput(/draining/, 10_000);
    await eventually('the service listens no more', 10_000, () =>
      fetch(`${process.url}/health`).then(
        () => false,
        () => true,
      ),
    );
    expect((await fetch(`http://127.0.0.1:${first}/metrics`)).status).toBe(200);
    process.signal('SIGINT');
    expect(await process.exited).toEqual({ code: 0, signal: null });
    expect(await asked).toContain('draining');
    await expect(fetch(`http://127.0.0.1:${first}/metrics`)).rejects.toThrow();
    await process.kill();
  });
});
