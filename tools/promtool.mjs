// promtool, which checks Prometheus rules, and the prometheus beside it: the ones on PATH, else those of Debian's package.
// The package is unpacked, not installed: that starts no daemon, and brings none of the web pages it depends on.
// `node tools/promtool.mjs` sees to it that they are there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { main, programEnv, root, SetupError } from './setup.mjs';

/** First on the PATH of every program of ours. */
const BIN = join(root, 'node_modules', '.bin');
const FOLDER = join(root, 'node_modules', '.cache', 'router-prometheus');
const PROGRAMS = ['promtool', 'prometheus'];

const succeeds = (command, args, cwd = root) =>
  spawnSync(command, args, { stdio: 'ignore', cwd, env: programEnv() }).status === 0;
const isThere = () => succeeds('promtool', ['--version']);

function unpack() {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const download = () => succeeds('apt-get', ['-qq', 'download', 'prometheus'], FOLDER);
  if (!download() && !(succeeds('apt-get', ['-qq', 'update']) && download())) return;
  const file = readdirSync(FOLDER).find((name) => name.endsWith('.deb'));
  if (file === undefined || !succeeds('dpkg-deb', ['-x', file, '.'], FOLDER)) return;
  rmSync(join(FOLDER, file));
  for (const name of PROGRAMS) {
    rmSync(join(BIN, name), { force: true });
    symlinkSync(join(FOLDER, 'usr', 'bin', name), join(BIN, name));
  }
}

export function ensurePromtool() {
  if (isThere()) return;
  if (existsSync(BIN) && succeeds('apt-get', ['--version']) && succeeds('dpkg-deb', ['--version'])) {
    process.stderr.write('Fetching promtool (apt-get download prometheus) ...\n');
    unpack();
    if (isThere()) return;
  }
  throw new SetupError(
    'The checks of the alerts need promtool on PATH: install Prometheus (e.g. apt-get install prometheus) and try again.',
  );
}

if (process.argv[1] === join(root, 'tools', 'promtool.mjs')) await main(ensurePromtool);
