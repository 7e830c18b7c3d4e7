import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { RedisConnection } from '../../src/common/redis/redis-connection.js';
import { CertificateAuthority } from '../support/certificates.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { connectedTo, RedisServer } from '../support/redis-server.js';
import { eventually } from '../support/router-calls.js';
import { RouterProcess } from '../support/router-process.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { say } from '../support/session-load.js';
import { readinessOf } from '../support/store-stack.js';
import { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 60_000;
const SOON = 15_000;

const connectionTo = (url: string, cluster = false): RedisConnection => {
  const connection = new RedisConnection(routerConfigSchema.parse({ redis: { url, cluster } }).redis);
  connection.onApplicationBootstrap();
  return connection;
};

/** Waits until the check says so, and returns everything it says. */
async function detailOf(connection: RedisConnection, pattern: RegExp): Promise<string> {
  let detail = '';
  await eventually(`the check says ${pattern}`, SOON, async () => {
    ({ detail } = await connection.check());
    return pattern.test(detail);
  }).catch((error: unknown) => Promise.reject(new Error(`${(error as Error).message}; it said: ${detail}`)));
  return detail;
}

describe('Redis over TLS', () => {
  let authority: CertificateAuthority;
  let upstream: UpstreamServer;
  let server: RedisServer;
  let cluster: RedisCluster;

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    const certificate = await authority.issue();
    [upstream, server, cluster] = await Promise.all([
      UpstreamServer.start(),
      RedisServer.start([], certificate),
      RedisCluster.start(3, certificate),
    ]);
  }, SLOW);
  afterAll(async () => {
    await Promise.all([upstream.close(), server.close(), cluster.close()]);
    authority.close();
  }, SLOW);

  const places = [
    ['a single server', () => ({ url: server.url, cluster: false, nodes: [server] })],
    ['a cluster of three', () => ({ url: cluster.url, cluster: true, nodes: cluster.nodes })],
  ] as const;

  describe.each(places)('%s', (_name, place) => {
    const startRouter = (env: Record<string, string> = {}) => {
      const { url, cluster: isCluster } = place();
      const config = inOrder([targetOn(upstream)], { redis: { url, cluster: isCluster } });
      return RouterProcess.start({ config, env });
    };
    const linesOf = ({ log }: RouterProcess) => log.flatMap(({ msg }) => (/redis/i.test(String(msg)) ? [msg] : []));

    it('reads and writes on every node once the authority is trusted', async () => {
      const distrust = authority.trust();
      try {
        const connection = await connectedTo(place(), place().cluster);
        for (let n = 0; n < 50; n += 1) await connection.run((client) => client.set(`tls:${n}`, n));
        const read = await Promise.all([0, 1, 2].map((n) => connection.run((client) => client.get(`tls:${n}`))));
        expect(read).toEqual(['0', '1', '2']);
        for (const node of place().nodes) {
          const client = node.client();
          expect(await client.dbsize()).toBeGreaterThan(0);
          client.disconnect();
        }
        await connection.close();
      } finally {
        distrust();
      }
    });

    it(
      'serves the whole service, which is told of the authority by NODE_EXTRA_CA_CERTS',
      async () => {
        const router = await startRouter({ NODE_EXTRA_CA_CERTS: authority.file });
        try {
          await eventually('/ready says ready', SOON, async () => (await readinessOf(router)).status === 'ready');
          expect(await say(router.url, 'over-tls')).toMatchObject({ status: 200, persisted: true });
          const tails = place().nodes.map(async (node) => {
            const client = node.client();
            const found = await client.keys('{local:over-tls}:turns');
            client.disconnect();
            return found;
          });
          expect((await Promise.all(tails)).flat()).toHaveLength(1);
          expect(linesOf(router)).toEqual([]);
          expect(router.output.join('\n')).not.toContain('Warning'); // of Node, about an address as server name
        } finally {
          await router.kill();
        }
      },
      SLOW,
    );

    it(
      'is not used when its authority is unknown: degraded, one line that says the cure, answers go out',
      async () => {
        const router = await startRouter();
        try {
          await eventually('/ready says what is wrong', SOON, async () => {
            const { status, checks } = await readinessOf(router);
            return status === 'degraded' && /certificate is not trusted/.test(checks['redis']?.detail ?? '');
          });
          expect(await say(router.url, 'without-tls')).toMatchObject({ status: 200, persisted: true });
          await eventually('the log says it', SOON, () => linesOf(router).length > 0);
          expect(linesOf(router)).toEqual([
            expect.stringMatching(/^redis cannot be used \(its TLS certificate is not trusted.*NODE_EXTRA_CA_CERTS/),
          ]);
        } finally {
          await router.kill();
        }
      },
      SLOW,
    );
  });

  it('checks the nodes of a cluster, which have addresses, against the name it was given', async () => {
    const distrust = authority.trust();
    const present = async (name: string) => {
      const certificate = await authority.issue([name]);
      await Promise.all(cluster.nodes.map((node) => node.present(certificate)));
    };
    await present('localhost');
    const named = await connectedTo({ url: cluster.url.replace('127.0.0.1', 'localhost') }, true);
    const numbered = connectionTo(cluster.url, true);
    try {
      for (let n = 0; n < 50; n += 1) await named.run((client) => client.set(`named:${n}`, n));
      await detailOf(numbered, /another name/);
    } finally {
      await Promise.all([named.close(), numbered.close()]);
      await present('127.0.0.1');
      distrust();
    }
  });

  describe('certificates that must be refused', () => {
    let connection: RedisConnection;
    let distrust: () => void;
    const warn = jest.spyOn(Logger.prototype, 'warn');
    const log = jest.spyOn(Logger.prototype, 'log');
    beforeEach(() => {
      distrust = authority.trust();
      warn.mockReset().mockReturnValue(undefined);
      log.mockReset().mockReturnValue(undefined);
    });
    afterEach(async () => {
      await connection.close();
      distrust();
      await server.present(await authority.issue());
    });
    afterAll(() => {
      warn.mockRestore();
      log.mockRestore();
    });

    it('of another authority; a good one is found without a restart', async () => {
      const stranger = await CertificateAuthority.create();
      await server.present(await stranger.issue());
      connection = connectionTo(server.url);
      await detailOf(connection, /not trusted/);
      await server.present(await authority.issue());
      await eventually('connected', SOON, async () => (await connection.check()).healthy);
      expect(warn.mock.calls).toEqual([[expect.stringContaining('not trusted')]]);
      expect(log.mock.calls).toEqual([[expect.stringMatching(/^redis is back, after \d+\.\d s$/)]]);
      stranger.close();
    });

    it('for another name', async () => {
      await server.present(await authority.issue(['redis.example', '10.1.2.3']));
      connection = connectionTo(server.url);
      const detail = await detailOf(connection, /another name .*redis\.url must hold/);
      expect(detail).not.toMatch(/127\.0\.0\.1|redis\.example/); // an anonymous caller reads it too
      await eventually('the log says it', SOON, () => warn.mock.calls.length > 0);
      expect(warn.mock.calls).toEqual([[expect.stringContaining(detail)]]);
    });

    it('that has expired', async () => {
      await server.present(await authority.issue(['127.0.0.1'], new Date(Date.now() - 7 * 86_400_000)));
      connection = connectionTo(server.url);
      const detail = await detailOf(connection, /not valid now .*renew/);
      await eventually('the log says it', SOON, () => warn.mock.calls.length > 0);
      expect(warn.mock.calls).toEqual([[expect.stringContaining(detail)]]);
    });
  });

  describe('never falls back', () => {
    it('rediss:// says nothing to a server without TLS', async () => {
      const plain = await RedisServer.start();
      const admin = plain.client();
      await admin.config('RESETSTAT');
      const connection = connectionTo(plain.url.replace('redis:', 'rediss:'));
      try {
        await eventually('it has tried some times', SOON, async () => {
          const [, connections] = /total_connections_received:(\d+)/.exec(await admin.info('stats')) ?? [];
          return Number(connections) >= 3;
        });
        expect((await connection.check()).detail).toMatch(/does not answer TLS .*redis\.url/);
        const asked = [...(await admin.info('commandstats')).matchAll(/cmdstat_(\w+)/g)].map(([, name]) => name);
        expect(asked.filter((name) => name !== 'info' && name !== 'config')).toEqual([]);
      } finally {
        admin.disconnect();
        await connection.close();
        await plain.close();
      }
    });

    it('redis:// gets nothing from a server with TLS', async () => {
      const connection = connectionTo(server.url.replace('rediss:', 'redis:'));
      try {
        await detailOf(connection, /TLS.*rediss:/);
      } finally {
        await connection.close();
      }
    });
  });
});
