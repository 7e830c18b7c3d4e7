import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { chat, eventually } from '../support/router-calls.js';
import { RouterProcess, type RouterConfigInput } from '../support/router-process.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

const ALICE = { authorization: 'Bearer alice-key' };

/** F47: a file that an editor, a deployment or a full disk left half written, and a service that is in use. */
describe('a reload that would open the service or empty it', () => {
  let upstream: UpstreamServer;
  let router: RouterProcess;
  let good: RouterConfigInput;

  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'local' });
    good = inOrder([targetOn(upstream)], {
      limits: { requestsPerMinute: 10_000 },
      auth: { keys: [keyFor('alice-key')] },
      tenants: { acme: { targets: ['local'] } },
      privacy: { localOnly: true },
    });
    router = await RouterProcess.start({ config: good });
  });
  afterAll(async () => {
    await router.kill();
    await upstream.close();
  });

  const write = (text: string) => writeFileSync(router.configFile as string, text);
  const lines = (words: RegExp) => router.log.filter(({ msg }) => words.test(String(msg)));
  const refusals = () => lines(/^The new configuration is refused/);
  const statuses = async () => [(await chat(router)).status, (await chat(router, {}, ALICE)).status];

  /** What the log says of this file, once it has been looked at. */
  async function refused(text: string): Promise<string> {
    const before = refusals().length;
    write(text);
    await eventually('a line in the log', 5_000, () => refusals().length > before);
    expect(refusals()).toHaveLength(before + 1);
    return String(refusals().at(-1)?.msg);
  }

  it('F47 keeps the old configuration when the file is empty, cut short, or has lost its last key or target', async () => {
    const whole = stringify(good);
    const withoutKeys = stringify({ ...good, auth: { keys: [] } });
    const withoutTargets = stringify({ ...good, targets: [], models: [], tenants: {} });
    expect(await refused('')).toMatch(/auth\.keys: .*restart/);
    expect(await statuses()).toEqual([401, 200]);
    expect(await refused(whole.slice(0, whole.indexOf('auth:')))).toMatch(/auth\.keys: .*restart/);
    expect(await statuses()).toEqual([401, 200]);
    expect(await refused(withoutKeys)).toMatch(/auth\.keys: /);
    expect(await refused(withoutTargets)).toMatch(/targets: .*restart/);
    expect(await refused(whole.slice(0, whole.indexOf('tenants:')))).toMatch(/tenants: [^]*privacy: /);
    expect(await statuses()).toEqual([401, 200]);
    router.signal('SIGHUP');
    await eventually('SIGHUP refused', 5_000, () => refusals().length === 6);
    expect(await statuses()).toEqual([401, 200]);
  });

  it('F47 never flaps while a file is written in two steps, and takes the next good one', async () => {
    const before = refusals().length;
    write('');
    write(stringify({ ...good, auth: { keys: [keyFor('alice-key'), keyFor('bob-key')] } }));
    const bob = { authorization: 'Bearer bob-key' };
    // by the log: a key that is tried in a loop is turned away for a minute (F19)
    await eventually('the new file is in force', 5_000, () => lines(/^Configuration reloaded: .*auth/).length > 0);
    expect((await chat(router, {}, bob)).status).toBe(200);
    expect(await statuses()).toEqual([401, 200]);
    expect(refusals()).toHaveLength(before);
  });
});
