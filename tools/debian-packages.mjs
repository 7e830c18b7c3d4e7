// Packages of Debian that a test needs. Plain JavaScript for Node 18 and later.
import { spawnSync } from 'node:child_process';

const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
const apt = (...args) => spawnSync('apt-get', ['-qq', ...args], { stdio: 'ignore', env }).status === 0;

/** Whether this machine lets us install: Debian or one of its kin, as root. */
export const canInstall = () => process.getuid?.() === 0 && apt('--version');

/** Installs packages, after a look at what there is where that is needed; false = they cannot be had. */
export function installPackages(...names) {
  process.stderr.write(`Installing ${names.join(', ')} (apt-get) ...\n`);
  const install = () => apt('install', '-y', '--no-install-recommends', ...names);
  return install() || (apt('update') && install());
}
