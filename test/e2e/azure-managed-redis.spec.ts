import { CertificateAuthority } from '../support/certificates.js';
import { IdentityEndpoint } from '../support/identity-endpoint.js';
import { RedisAccounts } from '../support/redis-accounts.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { eventually } from '../support/router-calls.js';
import { RouterProcess } from '../support/router-process.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { failuresOf, say, SessionLoad } from '../support/session-load.js';
import { readinessOf } from '../support/store-stack.js';
import { TokenDesk } from '../support/token-desk.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 60_000;
const SOON = 20_000;

describe('Azure Managed Redis: TLS, a cluster that is known by one name, tokens of a managed identity', () => {
  let authority: CertificateAuthority;
  let cluster: RedisCluster;
  let upstream: UpstreamServer;
  let endpoint: IdentityEndpoint;
  const desk = new TokenDesk();

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    [cluster, upstream, endpoint] = await Promise.all([
      RedisCluster.start(3, await authority.issue(['localhost'])),
      UpstreamServer.start(),
      IdentityEndpoint.start(desk),
    ]);
  }, SLOW);
  afterAll(async () => {
    await Promise.all([cluster.close(), upstream.close(), endpoint.close()]);
    authority.close();
  }, SLOW);

  it(
    'outlives its token under load: no request fails, no connection breaks, later ones use the new token',
    async () => {
      const accounts = new RedisAccounts(cluster.nodes);
      const first = desk.issue(10_000); // renewed 7 s after it was handed out
      await accounts.change(desk.oid, `>${first}`);
      const url = cluster.url.replace('127.0.0.1', 'localhost');
      const config = inOrder([targetOn(upstream)], { redis: { url, cluster: true, entra: true } });
      const env = { ...endpoint.env, NODE_EXTRA_CA_CERTS: authority.file };
      const router = await RouterProcess.start({ config, env });
      try {
        await eventually('/ready says ready', SOON, async () => (await readinessOf(router)).status === 'ready');
        expect(endpoint.resources[0]).toBe('https://redis.azure.com');
        for (let n = 0; n < 20; n += 1) await say(router.url, `entra-first-${n}`); // on every node
        const load = new SessionLoad('entra', 3, () => router.url);
        const connected = async () => (await accounts.connectionsOf(desk.oid)).every((ids) => ids.length === 1);
        await eventually('connected to every node', SOON, connected);
        const connections = await accounts.connectionsOf(desk.oid);
        const before = await accounts.signIns();
        await accounts.change(desk.oid, `>${desk.next}`);
        desk.issue(3_600_000);
        await accounts.change(desk.oid, `<${first}`);
        await eventually('signed in again at every node', SOON, async () =>
          (await accounts.signIns()).every(({ calls }, n) => calls > before[n]!.calls),
        );
        await load.more(30);
        expect(await accounts.connectionsOf(desk.oid)).toEqual(connections);
        await accounts.drop(desk.oid);
        await load.more(30);
        const answers = await load.stop();
        expect(failuresOf(answers)).toEqual([]);
        expect(answers.every(({ persisted }) => persisted)).toBe(true);
        await eventually('/ready says ready', SOON, async () => (await readinessOf(router)).status === 'ready');
        expect(await say(router.url, 'entra-after')).toMatchObject({ status: 200, persisted: true });
        expect((await accounts.signIns()).map(({ failed }) => failed)).toEqual([0, 0, 0]);
        expect(router.log.filter(({ msg }) => /sign-in|WRONGPASS/.test(String(msg)))).toEqual([]);
      } finally {
        await router.kill();
      }
    },
    SLOW,
  );
});
