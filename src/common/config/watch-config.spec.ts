import { EventEmitter, once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LiveConfig } from './live-config.js';
import { loadConfig } from './load-config.js';
import { watchConfig } from './watch-config.js';

const target = (id: string) => `{ id: ${id}, tier: local, provider: simulated }`;
const KEY = `{ id: k, sha256: ${'a'.repeat(64)}, tenant: t, user: u }`;

/** Collects what is logged and lets a test wait for the next line of a level. */
class Log extends EventEmitter {
  readonly lines: string[] = [];
  log = (message: string) => this.add('log', message);
  warn = (message: string) => this.add('warn', message);
  error = (message: string) => this.add('failure', message);
  async next(level: 'log' | 'warn' | 'failure'): Promise<string> {
    const [message] = (await once(this, level)) as [string];
    return message;
  }
  private add(level: string, message: string): void {
    this.lines.push(`${level}: ${message}`);
    this.emit(level, message);
  }
}

describe('a running router', () => {
  let cwd: string;
  let file: string;
  let log: Log;
  let live: LiveConfig;
  let stop: () => void = () => undefined;

  const start = (yaml: string | null) => {
    if (yaml !== null) writeFileSync(file, yaml);
    const { config, source } = loadConfig({ env: {}, cwd });
    live = new LiveConfig(config, source);
    stop = watchConfig({ live, env: {}, logger: log });
  };
  const targets = () => live.current.targets.map(({ id }) => id);

  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'router-watch-'));
    file = join(cwd, 'router.config.yaml');
    log = new Log();
  });
  afterEach(() => {
    stop();
    rmSync(cwd, { recursive: true });
  });

  it('reloads when the file is written, and says what changed', async () => {
    start(`targets: [${target('a')}]`);
    const reloaded = log.next('log');
    writeFileSync(file, `targets: [${target('b')}]\nlimits: { requestsPerMinute: 5 }`);
    expect(await reloaded).toBe('Configuration reloaded: targets (+b -a), models (~auto), limits');
    expect(targets()).toEqual(['b']);
  });

  it('reloads when an editor renames a new file over the old one', async () => {
    start(`targets: [${target('a')}]`);
    const reloaded = log.next('log');
    writeFileSync(`${file}.new`, `targets: [${target('b')}]`);
    renameSync(`${file}.new`, file);
    await reloaded;
    expect(targets()).toEqual(['b']);
  });

  it('reloads when Kubernetes swaps the directory behind the file', async () => {
    for (const [version, id] of Object.entries({ v1: 'a', v2: 'b' })) {
      mkdirSync(join(cwd, `..${version}`));
      writeFileSync(join(cwd, `..${version}`, 'router.config.yaml'), `targets: [${target(id)}]`);
    }
    symlinkSync('..v1', join(cwd, '..data'));
    symlinkSync('..data/router.config.yaml', file);
    start(null);
    expect(targets()).toEqual(['a']);
    const reloaded = log.next('log');
    symlinkSync('..v2', join(cwd, '..data_tmp'));
    renameSync(join(cwd, '..data_tmp'), join(cwd, '..data'));
    await reloaded;
    expect(targets()).toEqual(['b']);
  });

  it('refuses a bad file with every problem, keeps the old one, and takes the next good one', async () => {
    start(`targets: [${target('a')}]`);
    const refused = log.next('failure');
    writeFileSync(file, 'targets: 1\nserver: { prot: 2 }');
    expect(await refused).toMatch(/old one stays in force[^]*server\.prot: [^]*targets: /);
    expect(targets()).toEqual(['a']);
    const reloaded = log.next('log');
    writeFileSync(file, `targets: [${target('c')}]`);
    await reloaded;
    expect(targets()).toEqual(['c']);
  });

  it('says once that the file is gone, keeps what it said, and takes the next one', async () => {
    start(`targets: [${target('a')}]`);
    const warned = log.next('warn');
    rmSync(file);
    expect(await warned).toBe(`${file} is gone; what it said stays in force until a restart`);
    expect(targets()).toEqual(['a']);
    const reloaded = log.next('log');
    writeFileSync(file, `targets: [${target('c')}]`);
    await reloaded;
    expect(log.lines).toHaveLength(2);
    expect(targets()).toEqual(['c']);
  });

  it('reloads on SIGHUP', async () => {
    start('limits: { concurrent: 3 }');
    const read = log.next('log');
    process.emit('SIGHUP'); // a real signal: test/e2e/reload-on-sighup.spec.ts
    expect(await read).toBe('Configuration read: no change');
  });

  it('keeps what needs a restart, and says so', async () => {
    start('server: { port: 1 }');
    const warned = log.next('warn');
    writeFileSync(file, 'server: { port: 2 }\nredis: { url: redis://h:1 }\nlimits: { concurrent: 3 }');
    expect(await warned).toBe('Not in force until a restart: server, redis');
    expect([live.current.server.port, live.current.redis.url, live.current.limits.concurrent]).toEqual([1, '', 3]);
  });

  it('does not let the last key go while it listens on an open address, whatever host the new file names', async () => {
    start(`server: { host: 0.0.0.0 }\nauth: { keys: [${KEY}] }`);
    const refused = log.next('failure');
    writeFileSync(file, 'server: { host: 127.0.0.1 }');
    expect(await refused).toContain('server.host: "0.0.0.0"');
    expect(live.current.auth.keys).toHaveLength(1);
  });

  it('tells on SIGHUP that the embedded default has no file', async () => {
    start(null);
    const warned = log.next('warn');
    process.emit('SIGHUP'); // a real signal: test/e2e/reload-on-sighup.spec.ts
    expect(await warned).toContain('no configuration file');
  });

  it('stops watching when told to', () => {
    const before = process.listenerCount('SIGHUP');
    start('limits: { concurrent: 3 }');
    expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    stop();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });
});
