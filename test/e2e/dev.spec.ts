import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../support/free-port.js';
import { eventually } from '../support/router-calls.js';

const SOURCES = ['src', 'tools', 'package.json', 'package-lock.json', 'nest-cli.json', 'tsconfig.json', '.swcrc'];
const SECOND = 1_000;

describe('npm run dev', () => {
  let folder: string;
  let tool: ChildProcess | undefined;
  let output = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'router dev '));
    for (const name of SOURCES) cpSync(name, join(folder, name), { recursive: true });
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  });
  afterEach(() => {
    if (tool?.pid && tool.exitCode === null) process.kill(-tool.pid, 'SIGKILL'); // what it has started, too
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    'serves again after a change, and nothing is left when it ends',
    async () => {
      const port = await freePort();
      const env = { PATH: process.env['PATH'], HOME: folder, PORT: String(port) };
      tool = spawn(process.execPath, ['tools/start.mjs', '--watch'], { cwd: folder, env, detached: true });
      for (const stream of [tool.stdout, tool.stderr]) stream?.on('data', (text: Buffer) => (output += String(text)));
      const started = (): number => output.split(`listening on http://127.0.0.1:${port}`).length - 1;
      const isThere = () =>
        fetch(`http://127.0.0.1:${port}/health`).then(
          ({ ok }) => ok,
          () => false,
        );
      const serves = (times: number) =>
        eventually(`it serves for time ${times}`, 30 * SECOND, async () => started() >= times && (await isThere()));
      await serves(1);
      for (const times of [2, 3]) {
        appendFileSync(join(folder, 'src', 'banner.ts'), '\n');
        await serves(times);
      }
      expect(output).not.toContain('is taken');
      const ended = once(tool, 'exit');
      tool.kill('SIGTERM');
      await ended;
      await eventually('nobody listens', 10 * SECOND, async () => !(await isThere()));
    },
    120 * SECOND,
  );
});
