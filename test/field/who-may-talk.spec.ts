import { CommandBus } from '@nestjs/cqrs';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { loadConfig } from '../../src/common/config/load-config.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { chat, eventually, jsonOf, post, type ErrorJson } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { sendRaw } from '../support/raw-http.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { BeginDrainCommand } from '../../src/modules/health/health.messages.js';
import { AzuriteTables } from '../support/azurite-tables.js';
import { figure } from '../support/figure.js';
import { HttpFaultProxy } from '../support/http-fault-proxy.js';

/** All of them speak of the stores. */
const PROBED = ['/ready', '/ready?verbose', '/metrics'];

describe('who may talk to the service', () => {
  let upstream: UpstreamServer;
  let open: RouterApp;

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    open = await startRouter(inOrder([targetOn(upstream)]));
  });
  afterAll(async () => {
    await open.close();
    await upstream.close();
  });
  beforeEach(() => upstream.reset());

  it.each(['LOCALHOST', 'localhost.', '0:0:0:0:0:0:0:1', '::1', '::ffff:127.0.0.1', '127.1', '127.0.0.2'])(
    'F42 listens on %s without keys, and answers the callers there',
    async (host) => {
      const env = { HOST: host, PORT: '0' };
      expect(loadConfig({ env, cwd: '/nonexistent' }).config.server.host).toBe(host);
      const router = await startRouter({ ...inOrder([targetOn(upstream)]), server: { host } });
      expect((await chat(router)).status).toBe(200);
      await router.close();
    },
  );

  it.each(['0.0.0.0', '::', '10.0.0.1', '::ffff:10.0.0.1', 'localhost.example', '127.0.0.1.example', '128.1', ''])(
    'F42 refuses to listen on "%s" without keys',
    (host) => {
      const server = { server: { host } };
      const parsed = routerConfigSchema.safeParse(server);
      if (host !== '') expect(() => loadConfig({ env: { HOST: host }, cwd: '/nonexistent' })).toThrow(/HOST: /);
      else expect(parsed.success).toBe(false);
    },
  );
});

describe('names that have to survive a URL', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    router = await startRouter(inOrder([targetOn(upstream)]));
  });
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  it.each(['.', '..', './', 'a/b', '%2e%2e', '', ' ', 'a b', 'é', 'a\u200b', 'x'.repeat(129)])(
    'F37 a session named "%s" is refused when it is made, in the header and in the body',
    async (id) => {
      upstream.reset();
      const inBody = await post(`${router.url}/query`, { query: 'hi', session_id: id });
      const shown = (await jsonOf<ErrorJson>(inBody)).error;
      expect([inBody.status, shown.code, shown.param]).toEqual([400, 'invalid_request', 'session_id']);
      const routed = await post(`${router.url}/v1/route`, { query: 'hi', session_id: id });
      expect(routed.status).toBe(400);
      if (/^[\x21-\x7e]*$/.test(id)) {
        const inHeader = await chat(router, {}, { 'x-session-id': id });
        const { error } = await jsonOf<ErrorJson>(inHeader);
        expect([inHeader.status, error.param]).toEqual([400, 'x-session-id']);
      }
      const after = await fetch(`${router.url}/v1/sessions?after=${encodeURIComponent(id)}`);
      expect(after.status).toBe(400);
      expect(upstream.requests).toHaveLength(0);
    },
  );

  it.each(['/v1/sessions/%2e', '/v1/sessions/%2e%2e', '/v1/sessions/..%2f..'])('F37 %s is 400 too', async (path) => {
    for (const method of ['GET', 'DELETE']) {
      const { status } = await sendRaw(
        router.url,
        `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
      );
      expect(status).toBe(400);
    }
  });

  it.each(['a/../b', 'a//b', 'a/', 'a/.'])('F37 "%s" is no name for a target, a model, a tenant or a key', (name) => {
    const config = {
      targets: [{ id: name, tier: 'local', provider: 'simulated' }],
      models: [{ name, targets: [name] }],
      auth: { keys: [{ id: name, sha256: 'a'.repeat(64), tenant: name, user: name }] },
    };
    const found = routerConfigSchema.safeParse(config).error?.issues.map(({ path }) => path.join('.')) ?? [];
    expect(found).toEqual(
      expect.arrayContaining([
        'targets.0.id',
        'models.0.name',
        'auth.keys.0.id',
        'auth.keys.0.tenant',
        'auth.keys.0.user',
      ]),
    );
  });
});

describe('probes from outside', () => {
  it('F40 asks the stores at most once a second, however often /ready and /metrics are called', async () => {
    const tables = await AzuriteTables.start();
    const proxy = await HttpFaultProxy.start(tables.port);
    const upstream = await UpstreamServer.start({ model: 'local' });
    const router = await startRouter(
      inOrder([targetOn(upstream)], { tables: { connectionString: tables.connectionString(proxy.port) } }),
    );
    const statusOf = async (path: string) => (await fetch(`${router.url}${path}`)).status;
    const ready = () => statusOf('/ready');
    await eventually('ready', 5_000, async () => (await ready()) === 200);
    let asked = 0;
    proxy.set(() => {
      asked += 1;
      return 'pass';
    });
    const startedAt = performance.now();
    let probes = 0;
    while (probes < 300) {
      const statuses = await Promise.all(Array.from({ length: 20 }, (_, i) => statusOf(PROBED[i % 3]!)));
      expect(new Set(statuses)).toEqual(new Set([200]));
      probes += statuses.length;
    }
    const seconds = (performance.now() - startedAt) / 1000;
    figure('F40', `${asked} questions to the store for ${probes} probes in ${seconds.toFixed(1)} s`);
    expect(asked).toBeLessThanOrEqual(2 * (Math.ceil(seconds) + 1));
    await eventually('the stores are asked again', 5_000, async () => (await ready()) === 200 && asked > 0);
    await router.app.get(CommandBus, { strict: false }).execute(new BeginDrainCommand());
    expect(await ready()).toBe(503);
    await router.close();
    await Promise.all([upstream.close(), proxy.close(), tables.close()]);
  });
});
