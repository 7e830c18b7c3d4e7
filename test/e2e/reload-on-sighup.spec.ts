import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/** Jest's sandbox has a process object that signals do not reach: the built code runs in a process of its own. */
const PROGRAM = `
const [{ loadConfig }, { LiveConfig }, { watchConfig }] = await Promise.all(
  ['load-config', 'live-config', 'watch-config'].map((name) => import(process.argv[1] + name + '.js')),
);
const { config, source } = loadConfig({ env: {}, cwd: process.cwd() });
const say = (message) => console.log(message.replaceAll('\\n', ' '));
watchConfig({ live: new LiveConfig(config, source), env: {}, logger: { log: say, warn: say, error: say } });
setInterval(() => undefined, 60_000);
console.log('watching');
`;

describe('a real SIGHUP', () => {
  let cwd: string;
  let child: ChildProcessWithoutNullStreams;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'router-sighup-'));
  });
  afterEach(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    rmSync(cwd, { recursive: true });
  });

  it('reloads the file, refuses a bad one and does not end the process', async () => {
    const write = (yaml: string) => writeFileSync(join(cwd, 'router.config.yaml'), yaml);
    write('limits: { concurrent: 1 }');
    const built = `${pathToFileURL(resolve('dist/common/config')).href}/`;
    child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, built], { cwd });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async () => String((await lines.next()).value);
    expect(await next()).toBe('watching');
    child.kill('SIGHUP');
    expect(await next()).toBe('Configuration read: no change');
    write('limits: { concurrent: 2 }');
    child.kill('SIGHUP');
    expect(await next()).toBe('Configuration reloaded: limits');
    write('limits: { concurrent: 0 }');
    child.kill('SIGHUP');
    expect(await next()).toContain('limits.concurrent: expected number to be >=1');
    expect(child.exitCode).toBeNull();
  });
});
