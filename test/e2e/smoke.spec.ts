import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.js';
import { RouterProcess } from '../support/router-process.js';
import { GENEROUS, inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { cutAfter } from '../support/upstream-twists.js';

/** In place of API Management: passes everything on, and echoes the label where it honours it (infra/apim/api.xml). */
class Gateway {
  honours = true;
  /** Whom it takes every caller for, where it looks at no token. */
  takesAllFor = '';
  readonly labels: unknown[] = [];
  private constructor(private readonly server: Server) {}

  static async before(url: string): Promise<Gateway> {
    const server = createServer();
    const gateway = new Gateway(server);
    server.on('request', (from, to) => {
      const label = from.headers['x-router-label'];
      gateway.labels.push(label);
      const headers = { ...from.headers, host: new URL(url).host };
      if (gateway.takesAllFor !== '') headers.authorization = `Bearer ${gateway.takesAllFor}`;
      const onward = request(url + from.url, { method: from.method, headers });
      onward.on('response', (response) => {
        const echo = gateway.honours && label !== undefined ? { 'x-router-label': label } : {};
        to.writeHead(response.statusCode!, { ...response.headers, ...echo });
        response.pipe(to);
      });
      onward.on('error', () => to.destroy());
      from.pipe(onward);
    });
    await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe('the smoke test of a release', () => {
  const KEY = 'operator-token';
  let folder: string;
  let upstream: UpstreamServer;
  let router: RouterProcess;
  let gateway: Gateway;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'router-smoke-'));
    writeFileSync(join(folder, 'token'), `${KEY}\n`);
    upstream = await UpstreamServer.start();
    const config = inOrder([targetOn(upstream)], {
      auth: { keys: [keyFor(KEY)] },
      limits: GENEROUS,
      resilience: { retries: 0, breaker: { failures: 1_000 } },
    });
    router = await RouterProcess.start({ config });
    gateway = await Gateway.before(router.url);
  });
  beforeEach(() => {
    upstream.reset();
    upstream.always(answer('ready'));
    gateway.honours = true;
    gateway.takesAllFor = '';
    gateway.labels.length = 0;
  });
  afterAll(async () => {
    gateway.close();
    await router.kill();
    await upstream.close();
    rmSync(folder, { recursive: true });
  });

  async function smoke(...args: string[]) {
    const options = ['--url', gateway.url, '--token-file', join(folder, 'token'), '--wait', '1', ...args];
    const child = spawn(process.execPath, ['tools/release/smoke.mjs', ...options], {
      env: { PATH: process.env['PATH'] },
    });
    const text = { out: '', error: '' };
    child.stdout.on('data', (piece) => (text.out += String(piece)));
    child.stderr.on('data', (piece) => (text.error += String(piece)));
    const code = await new Promise<number | null>((settle) => child.once('close', settle));
    return { code, ...text };
  }

  it('passes a revision that serves, asked on its label alone', async () => {
    const told = await smoke('--label', 'green');
    expect(told).toMatchObject({ code: 0, error: '' });
    expect(told.out).toContain('ok  streamed answer: complete');
    expect(told.out).toContain('ok  a false token is turned away');
    expect(new Set(gateway.labels)).toEqual(new Set(['green']));
    expect(upstream.requests).toHaveLength(2);
  });

  it('passes whoever has the traffic without a label', async () => {
    expect(await smoke()).toMatchObject({ code: 0, error: '' });
    expect(new Set(gateway.labels)).toEqual(new Set([undefined]));
  });

  it('does not take the answer of another label for that of the new revision', async () => {
    gateway.honours = false;
    expect(await smoke('--label', 'green')).toMatchObject({
      code: 1,
      error:
        'plain answer: from the label green: the gateway sent it elsewhere; this identity needs the app role "operator"\n',
    });
  });

  it('fails where no model answers', async () => {
    upstream.always(status(500, { error: { message: 'broken' } }));
    expect(await smoke()).toMatchObject({ code: 1, error: expect.stringMatching(/^plain answer: 50\d /) });
  });

  it('fails where a stream breaks off', async () => {
    upstream.script(answer('ready')).always(answer('ready, and on it goes for a while', {}, cutAfter(2)));
    expect(await smoke()).toMatchObject({ code: 1, error: expect.stringMatching(/^streamed answer/) });
  });

  it('fails where the token is not taken', async () => {
    writeFileSync(join(folder, 'false'), 'nobody');
    expect(await smoke('--token-file', join(folder, 'false'))).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^plain answer: 401 /),
    });
  });

  it('fails where any token is taken', async () => {
    gateway.takesAllFor = KEY;
    expect(await smoke()).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^a false token is turned away: 200 /),
    });
  });

  it('says what is wrong with how it was called', async () => {
    expect(await smoke('--label', 'red')).toMatchObject({ code: 1, error: '--label red: must be blue or green.\n' });
    expect(await smoke('--url', 'router')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^--url "router": must be/),
    });
    const nobody = await smoke('--url', `http://127.0.0.1:${await freePort()}`);
    expect(nobody).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^\/health: 0 \/health cannot be reached: ECONNREFUSED/),
    });
  });
});
