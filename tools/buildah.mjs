// What the test of the container image needs: buildah, which builds it, runc, which runs it, and the packages of a small
// Debian as its base, since a registry of images is not everywhere. Without them the test is skipped and says so.
// `node tools/buildah.mjs` sees to it that they are there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { canInstall, installPackages } from './debian-packages.mjs';
import { main, root } from './setup.mjs';

/** test/support/debian-base.ts unpacks them. */
const DEBS = join(root, 'node_modules', '.cache', 'router-image', 'debs');
/** What `npm ci` and the build run in: a shell, its programs, and the libraries of Node. */
const WANTED = ['base-files', 'coreutils', 'dash', 'findutils', 'libstdc++6'];
const ONLY_DEPENDS = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((w) => `--no-${w}`);

const succeeds = (command, args, cwd = root) => spawnSync(command, args, { stdio: 'ignore', cwd }).status === 0;
const areInstalled = () => ['buildah', 'runc'].every((program) => succeeds(program, ['--version']));
const isComplete = () => existsSync(DEBS) && readdirSync(DEBS).some((name) => name.startsWith('libstdc++6_'));

/** Only the first word of a line is a package; what only has a name (`<awk>`) is made by one of the others. */
function withDependencies() {
  const args = ['depends', '--recurse', ...ONLY_DEPENDS, ...WANTED];
  const { stdout } = spawnSync('apt-cache', args, { encoding: 'utf8' });
  return [...new Set((stdout ?? '').split('\n').filter((line) => /^[a-z0-9]/.test(line)))];
}

/** By the machine's own apt: its mirror, its keys, its proxy. */
function downloadBase() {
  const partial = `${DEBS}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  // Where apt has no lists yet it knows of no dependencies, and would be asked for nothing.
  const download = () => {
    const names = withDependencies();
    return names.length > WANTED.length && succeeds('apt-get', ['-qq', 'download', ...names], partial);
  };
  if (!download() && !(succeeds('apt-get', ['-qq', 'update']) && download())) return;
  rmSync(DEBS, { recursive: true, force: true });
  renameSync(partial, DEBS);
}

export function ensureBuildah() {
  if (process.platform !== 'linux' || !canInstall()) return;
  if (!areInstalled()) installPackages('buildah', 'runc');
  if (!areInstalled()) return;
  if (!isComplete()) downloadBase();
}

if (process.argv[1] === join(root, 'tools', 'buildah.mjs')) await main(ensureBuildah);
